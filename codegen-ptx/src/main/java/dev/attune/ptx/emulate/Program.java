package dev.attune.ptx.emulate;

import java.util.List;
import java.util.Map;

/**
 * A decoded entry.
 *
 * @param code the instructions, in order
 * @param intTemplate initial contents of the register file of up to 32 bits, constants included
 * @param longTemplate the same for 64 bits
 * @param predicateSlots size of the predicate file
 * @param registers how many register ids there are
 * @param registerNames the name of each id
 * @param specials the slot in the 32-bit file of each special register in use
 * @param staticShared bytes of statically sized shared arrays
 * @param dynamicAlignment alignment of the dynamic shared array
 * @param sharedGranule bytes of the smallest shared access: what the race check tells apart
 * @param warpgroups whether there is a {@code wgmma}
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
record Program(
    Instruction[] code,
    int[] intTemplate,
    long[] longTemplate,
    int predicateSlots,
    int registers,
    List<String> registerNames,
    Map<Special, Integer> specials,
    int staticShared,
    int dynamicAlignment,
    int sharedGranule,
    boolean warpgroups) {

  /** Whether CTAs can tell in which order they run: then one host thread runs them, in turns. */
  boolean interleaved() {
    for (Instruction instruction : code) {
      if (instruction instanceof Atomic atomic && atomic.returns()) {
        return true;
      }
    }
    return false;
  }

  /** Slots in either file that instructions use for their own intermediate values. */
  static final int SCRATCH_SLOTS = 4;

  /** Predicate slots that always hold false and true. */
  static final int FALSE = 0;

  static final int TRUE = 1;
}
