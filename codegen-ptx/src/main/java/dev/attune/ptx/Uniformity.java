package dev.attune.ptx;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a whole warp, or a whole warpgroup, must execute together is neither guarded nor in code
 * that only some of its threads reach.
 */
final class Uniformity {
  private Uniformity() {}

  static void check(Flow flow, List<View> views) {
    List<Integer> whole = new ArrayList<>();
    List<Integer> warpgroups = new ArrayList<>();
    for (int i = 0; i < flow.size(); i++) {
      Optional<String> rule = whole(flow.plain(i));
      if (rule.isPresent()) {
        whole.add(i);
        if (flow.guarded(i).isPresent()) {
          throw flow.fail(i, rule.get());
        }
      }
      if (ofWarpgroup(flow.plain(i))) {
        warpgroups.add(i);
      }
      if (flow.plain(i) instanceof Inst.Bra b && !b.uniform() && flow.guarded(i).isPresent()) {
        divergent(flow, i);
      }
    }
    // Views come in pairs, of a warp's first lane and of its others.
    for (int v = 0; v + 1 < views.size(); v += 2) {
      View first = views.get(v);
      View others = views.get(v + 1);
      for (int i : whole) {
        if (first.mayExecute(i) != others.mayExecute(i)) {
          throw flow.fail(i, "not all lanes of warp %d execute it".formatted(first.warp()));
        }
      }
    }
    for (int v = 0; v < views.size(); v += 2) {
      View leader = views.get(v - v % 8);
      for (int i : warpgroups) {
        if (leader.mayExecute(i) != views.get(v).mayExecute(i)) {
          throw flow.fail(
              i, "not all warps of warpgroup %d execute it".formatted(leader.warp() / 4));
        }
      }
    }
  }

  /** Code between a jump that lanes take differently and its target. */
  private static void divergent(Flow flow, int at) {
    Inst.Bra bra = (Inst.Bra) flow.plain(at);
    int target = at;
    for (int i = 0; i < flow.size(); i++) {
      if (flow.plain(i) instanceof Inst.Label l && l.name().equals(bra.label())) {
        target = i;
      }
    }
    for (int i = Math.min(at, target); i < Math.max(at, target); i++) {
      Optional<String> whole = whole(flow.plain(i));
      if (whole.isPresent()) {
        throw flow.fail(i, "%s, but lanes part at instruction %d".formatted(whole.get(), at));
      }
    }
  }

  private static boolean ofWarpgroup(Inst inst) {
    return switch (inst) {
      case Inst.Wgmma i -> true;
      case Inst.WgmmaFence i -> true;
      case Inst.WgmmaCommit i -> true;
      case Inst.WgmmaWait i -> true;
      case Inst.SetMaxRegisters i -> true;
      default -> false;
    };
  }

  /** Why the instruction is for all threads together, if it is. */
  private static Optional<String> whole(Inst inst) {
    return switch (inst) {
      case Inst.BarSync i -> Optional.of("a barrier must be reached by every thread");
      case Inst.BarSyncSome i -> Optional.of("a barrier must be reached by every lane");
      case Inst.BarWarpSync i -> Optional.of("a warp barrier must be reached by every lane");
      case Inst.ShflBfly i -> Optional.of("a shuffle must be executed by every lane");
      case Inst.ShflIdx i -> Optional.of("a shuffle must be executed by every lane");
      case Inst.VoteAny i -> Optional.of("a vote must be executed by every lane");
      case Inst.VoteBallot i -> Optional.of("a vote must be executed by every lane");
      case Inst.Elect i -> Optional.of("elect must be executed by every lane");
      case Inst.LdMatrix i -> Optional.of("ldmatrix must be executed by every lane");
      case Inst.StMatrix i -> Optional.of("stmatrix must be executed by every lane");
      case Inst.Mma i -> Optional.of("mma must be executed by every lane");
      case Inst.CpAsyncWait i -> Optional.of("a wait must be executed by every lane");
      case Inst.CpAsyncCommit i -> Optional.of("a commit must be executed by every lane");
      case Inst.Wgmma i -> Optional.of("wgmma must be executed by the whole warpgroup");
      case Inst.WgmmaFence i -> Optional.of("wgmma.fence must be executed by the whole warpgroup");
      case Inst.WgmmaCommit i ->
          Optional.of("wgmma.commit_group must be executed by the whole warpgroup");
      case Inst.WgmmaWait i ->
          Optional.of("wgmma.wait_group must be executed by the whole warpgroup");
      case Inst.SetMaxRegisters i ->
          Optional.of("setmaxnreg must be executed by the whole warpgroup");
      default -> Optional.empty();
    };
  }
}
