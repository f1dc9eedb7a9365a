package dev.attune.ptx.emulate;

import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A kernel of a module. Immutable. */
public final class EmulatedEntry {
  private static final int MOST_SHARED_BYTES = 232448;

  private final String name;
  private final List<EntryParameter> parameters;
  private final @Nullable Dim3 required;
  private final @Nullable Dim3 most;
  private final Program program;
  private final String target;

  EmulatedEntry(
      String name,
      List<EntryParameter> parameters,
      @Nullable Dim3 required,
      @Nullable Dim3 most,
      Program program,
      String target) {
    this.name = name;
    this.parameters = parameters;
    this.required = required;
    this.most = most;
    this.program = program;
    this.target = target;
  }

  /** The name. */
  public String name() {
    return name;
  }

  /** The parameters, in order. */
  public List<EntryParameter> parameters() {
    return parameters;
  }

  /** Bytes of the parameter block. */
  public int parameterBytes() {
    return parameters.isEmpty() ? 0 : parameters.getLast().offset() + parameters.getLast().size();
  }

  /** The block that {@code .reqntid} requires, or null. */
  public @Nullable Dim3 reqntid() {
    return required;
  }

  /** Bytes of statically sized shared arrays. */
  public int staticSharedBytes() {
    return program.staticShared();
  }

  /**
   * Runs the kernel and checks it.
   *
   * @param parameterBlock the parameters at their offsets, little-endian; the remaining bytes of
   *     the buffer, which is left as it was
   * @throws EmulationException at the first rule that the kernel breaks
   * @throws IllegalArgumentException if the launch does not fit the kernel
   */
  public LaunchReport launch(
      EmulatedMemory memory, LaunchConfig config, ByteBuffer parameterBlock) {
    byte[] block = new byte[parameterBlock.remaining()];
    parameterBlock.duplicate().get(block);
    return launch(memory, config, block);
  }

  /** The same, with the parameter block as an array. */
  public LaunchReport launch(EmulatedMemory memory, LaunchConfig config, byte[] parameterBlock) {
    check(config, parameterBlock);
    synchronized (memory) {
      Launch launch =
          new Launch(
              program,
              config,
              parameterBlock.clone(),
              new GlobalMemory(memory, config.outputs()),
              target.startsWith("sm_9"));
      if (launch.sharedBytes() > MOST_SHARED_BYTES) {
        throw new IllegalArgumentException(
            "Entry '"
                + name
                + "' would need "
                + launch.sharedBytes()
                + " bytes of shared memory; a"
                + " CTA has at most "
                + MOST_SHARED_BYTES
                + ".");
      }
      return launch.run();
    }
  }

  private void check(LaunchConfig config, byte[] parameterBlock) {
    if (required != null && !required.equals(config.block())) {
      throw new IllegalArgumentException(
          "Entry '"
              + name
              + "' requires the block "
              + required
              + ", found "
              + config.block()
              + ".");
    }
    if (most != null && config.block().count() > most.count()) {
      throw new IllegalArgumentException(
          "Entry '"
              + name
              + "' allows the block "
              + most
              + " at most, found "
              + config.block()
              + ".");
    }
    if (parameterBlock.length != parameterBytes()) {
      throw new IllegalArgumentException(
          "The parameter block of entry '"
              + name
              + "' has "
              + parameterBytes()
              + " bytes, found "
              + parameterBlock.length
              + ".");
    }
  }
}
