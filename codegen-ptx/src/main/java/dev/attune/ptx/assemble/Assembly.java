package dev.attune.ptx.assemble;

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
