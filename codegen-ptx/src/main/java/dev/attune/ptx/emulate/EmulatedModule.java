package dev.attune.ptx.emulate;

import java.util.List;
import java.util.Map;

/** A parsed PTX module. Immutable; its entries may be launched from several threads. */
public final class EmulatedModule {
  private final String target;
  private final Map<String, EmulatedEntry> entries;

  EmulatedModule(String target, Map<String, EmulatedEntry> entries) {
    this.target = target;
    this.entries = entries;
  }

  /**
   * Reads PTX text.
   *
   * @throws PtxSyntaxException at the first thing that is wrong or that the emulator does not model
   */
  public static EmulatedModule parse(String ptx) {
    return new PtxParser(ptx).module();
  }

  /** The names of the entries, in the order of the text. */
  public List<String> entries() {
    return List.copyOf(entries.keySet());
  }

  /**
   * The entry of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public EmulatedEntry entry(String name) {
    EmulatedEntry entry = entries.get(name);
    if (entry == null) {
      throw new IllegalArgumentException(
          "The module has no entry '" + name + "'; it has " + entries.keySet() + ".");
    }
    return entry;
  }

  /** The target as written, such as {@code sm_80}. */
  public String target() {
    return target;
  }
}
