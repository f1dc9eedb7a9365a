package dev.attune.ptx.assemble;

import java.util.ArrayList;
import java.util.List;

/**
 * Machine code and what it costs.
 *
 * @param cubin an ELF file for one target
 * @param entries one per entry of the PTX, in the assembler's order
 * @param notices everything the assembler said besides the costs
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
public record Assembly(byte[] cubin, List<Entry> entries, List<Notice> notices) {

  public Assembly {
    entries = List.copyOf(entries);
    notices = List.copyOf(notices);
  }

  /**
   * The costs of one entry.
   *
   * @param registers per thread, 32 bits each
   * @param spillStores bytes stored to local memory for want of registers
   * @param spillLoads bytes loaded back
   * @param stackBytes local memory per thread
   * @param sharedBytes statically declared shared memory per CTA
   */
  public record Entry(
      String name,
      int registers,
      int spillStores,
      int spillLoads,
      int stackBytes,
      int sharedBytes) {}

  /**
   * The costs of an entry.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public Entry entry(String name) {
    return entries.stream()
        .filter(e -> e.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no entry '%s'; there are %s"
                        .formatted(name, entries.stream().map(Entry::name).toList())));
  }

  /**
   * What the assembler changed that makes the kernel slower than it was written, and what to do
   * about it: it spilled, waited on its own, or left {@code setmaxnreg} out.
   */
  public List<String> flaws() {
    List<String> found = new ArrayList<>();
    for (Entry entry : entries) {
      if (entry.spillStores() + entry.spillLoads() + entry.stackBytes() > 0) {
        found.add(
            ("%s keeps %d bytes of each thread in local memory (%d bytes spilled, %d loaded back):"
                    + " it needs smaller tiles or more registers")
                .formatted(
                    entry.name(), entry.stackBytes(), entry.spillStores(), entry.spillLoads()));
      }
    }
    for (Notice notice : notices) {
      if (notice.message().contains("setmaxnreg")) {
        found.add(
            notice
                + (notice.message().contains("register requirements")
                    ? ": a role needs more registers than it sets"
                    : ": state .reqntid and .minnctapersm 1"));
      } else if (notice.serializes()) {
        found.add(
            notice
                + ": leave accumulators and A registers alone from a wgmma to its wait, and keep"
                + " both in code that the whole warpgroup executes");
      }
    }
    return List.copyOf(found);
  }

  /** The most registers of any entry. */
  public int registers() {
    return entries.stream().mapToInt(Entry::registers).max().orElse(0);
  }

  /** Spill stores of all entries, in bytes. */
  public int spillStores() {
    return entries.stream().mapToInt(Entry::spillStores).sum();
  }

  /** Spill loads of all entries, in bytes. */
  public int spillLoads() {
    return entries.stream().mapToInt(Entry::spillLoads).sum();
  }

  /** The largest stack of any entry, in bytes. */
  public int stackBytes() {
    return entries.stream().mapToInt(Entry::stackBytes).max().orElse(0);
  }

  /** The most statically declared shared memory of any entry, in bytes. */
  public int sharedBytes() {
    return entries.stream().mapToInt(Entry::sharedBytes).max().orElse(0);
  }
}
