package dev.attune.ptx.emulate;

import org.jspecify.annotations.Nullable;

/**
 * What every instruction has.
 *
 * @param line one-based line of the PTX text
 * @param text the statement as written
 * @param tileOperation the latest tile operation named above it, if any
 * @param guard predicate slot, or {@link #UNGUARDED}
 * @param guardNegated whether the guard is {@code @!p}
 * @param reads ids of the registers read
 * @param writes ids of the registers written
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Header(
    int line,
    String text,
    @Nullable String tileOperation,
    int guard,
    boolean guardNegated,
    int[] reads,
    int[] writes) {
  static final int UNGUARDED = -1;

  String where() {
    return "at PTX line "
        + line
        + ": "
        + text
        + (tileOperation == null ? "" : "\n  tile operation: " + tileOperation);
  }
}
