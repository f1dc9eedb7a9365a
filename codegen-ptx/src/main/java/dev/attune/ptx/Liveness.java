package dev.attune.ptx;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which registers hold values that are still to be read. An assembler orders instructions anew, but
 * between the same branches, and for few registers rather than many where it has few.
 */
public final class Liveness {
  private final List<Inst> code;
  private final Map<Reg, Integer> numbers = new HashMap<>();
  private final Map<String, BitSet> atLabels = new HashMap<>();
  private int[] bytes = new int[64];
  private int most;

  private Liveness(List<Inst> code) {
    this.code = code;
  }

  /**
   * The most 32-bit registers that values occupy at a time, predicates not among them.
   *
   * @param code a part of a kernel that ends in {@code ret} and is left in no other way
   */
  public static int most(List<Inst> code) {
    Liveness liveness = new Liveness(code);
    while (liveness.pass()) {}
    return liveness.most;
  }

  /** Goes from the end to the start; whether more is live at some label than was known. */
  private boolean pass() {
    most = 0;
    boolean grown = false;
    BitSet live = new BitSet();
    for (Inst inst : code.reversed()) {
      boolean guarded = inst instanceof Inst.Guarded;
      switch (inst instanceof Inst.Guarded g ? g.inst() : inst) {
        case Inst.Bra b -> {
          BitSet there = atLabels.getOrDefault(b.label(), new BitSet());
          if (!guarded) {
            live.clear();
          }
          live.or(there);
        }
        case Inst.Ret r -> {
          if (!guarded) {
            live.clear();
          }
        }
        case Inst.Label l -> {
          BitSet now = (BitSet) live.clone();
          grown |= !now.equals(atLabels.put(l.name(), now));
        }
        default -> {}
      }
      Uses uses = Uses.of(inst);
      if (!guarded) {
        uses.writes().forEach(r -> live.clear(number(r)));
      }
      uses.reads().forEach(r -> live.set(number(r)));
      most = Math.max(most, words(live));
    }
    return grown;
  }

  private int words(BitSet live) {
    int sum = 0;
    for (int i = live.nextSetBit(0); i >= 0; i = live.nextSetBit(i + 1)) {
      sum += bytes[i];
    }
    return sum / 4;
  }

  private int number(Reg reg) {
    Integer known = numbers.get(reg);
    if (known != null) {
      return known;
    }
    int number = numbers.size();
    numbers.put(reg, number);
    if (number == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * number);
    }
    bytes[number] = reg.kind().bytes();
    return number;
  }
}
