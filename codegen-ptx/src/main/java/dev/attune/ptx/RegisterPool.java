package dev.attune.ptx;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Where warpgroups have different roles each sets its registers, once and before any product, and
 * together they need no more than the CTA has: the assembler gives every thread the most that fits
 * all, a multiple of 8, and {@code setmaxnreg} waits forever for what is not there.
 */
final class RegisterPool implements Analysis<Integer> {
  private static final int WARPGROUP = 128;

  /** Of registers that are given to a warp. */
  private static final int GRANULE = 8;

  /** States are sets of bits: the registers may not be set yet, or may be. */
  private static final int UNSET = 1;

  private static final int SET = 2;

  private RegisterPool() {}

  /** Registers of a thread before any {@code setmaxnreg}. */
  static int entry(PtxKernel kernel) {
    int fitting = kernel.target().registersPerSm() / kernel.threads() / GRANULE * GRANULE;
    return Math.min(256, fitting);
  }

  static void check(Flow flow, List<View> views) {
    PtxKernel kernel = flow.kernel();
    TreeMap<Integer, Integer> sets = new TreeMap<>();
    boolean consumers = false;
    boolean others = false;
    for (View view : views) {
      boolean multiplies = !view.executed(List.of(Inst.Wgmma.class)).isEmpty();
      consumers |= multiplies;
      others |= !multiplies;
      for (int i : view.executed(List.of(Inst.SetMaxRegisters.class))) {
        sets.put(view.warp() / 4, i);
      }
    }
    if (sets.isEmpty() && !(consumers && others)) {
      return;
    }
    if (kernel.threads() % WARPGROUP != 0) {
      throw new InvalidPtxException(
          "%s: %d threads are not whole warpgroups".formatted(kernel.entry(), kernel.threads()));
    }
    if (kernel.minBlocksPerSm() != 1) {
      throw new InvalidPtxException(
          "%s: setmaxnreg asks for one CTA per SM, not %d"
              .formatted(kernel.entry(), kernel.minBlocksPerSm()));
    }
    for (int w = 0; w < kernel.threads() / WARPGROUP; w++) {
      if (!sets.containsKey(w)) {
        throw new InvalidPtxException(
            "%s: warpgroup %d has no setmaxnreg, though warpgroups have different roles"
                .formatted(kernel.entry(), w));
      }
    }
    for (View view : View.distinct(views)) {
      Analysis.run(view, new RegisterPool());
    }
    int entry = entry(kernel);
    List<String> parts = new ArrayList<>();
    int sum = 0;
    for (int at : sets.values()) {
      Inst.SetMaxRegisters set = (Inst.SetMaxRegisters) flow.plain(at);
      if (set.increase() ? set.count() < entry : set.count() > entry) {
        throw flow.fail(
            at,
            "every thread starts with %d registers, so %d are not %s"
                .formatted(entry, set.count(), set.increase() ? "more" : "fewer"));
      }
      parts.add(Integer.toString(set.count()));
      sum += WARPGROUP * set.count();
    }
    int pool = entry * kernel.threads();
    if (sum > pool) {
      throw new InvalidPtxException(
          "%s: warpgroups of %s registers need %d, but the CTA has %d: setmaxnreg would wait forever"
              .formatted(kernel.entry(), String.join(", ", parts), sum, pool));
    }
  }

  @Override
  public Integer start() {
    return UNSET;
  }

  @Override
  public Integer through(View view, Flow.Block block, Integer state) {
    Flow flow = view.flow();
    int bits = state;
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      if (flow.plain(i) instanceof Inst.SetMaxRegisters) {
        if ((bits & SET) != 0) {
          throw flow.fail(i, "a warpgroup may set its registers twice");
        }
        bits = SET;
      } else if (flow.plain(i) instanceof Inst.Wgmma && (bits & UNSET) != 0) {
        throw flow.fail(i, "a path comes here without setmaxnreg");
      }
    }
    return bits;
  }

  @Override
  public Integer join(View view, Flow.Block block, Integer a, Integer b) {
    return a | b;
  }
}
