package dev.attune.ptx;

import static java.util.Objects.requireNonNull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What must hold of a kernel beyond its single instructions:
 *
 * <ul>
 *   <li>labels are defined once, and jumps go to defined labels;
 *   <li>every path ends in {@code ret};
 *   <li>on every path a register is written before it is read; a guarded write counts only for
 *       readers under the same guard;
 *   <li>barriers and warp-wide instructions are not guarded;
 *   <li>every path from a {@code cp.async} to {@code ret} passes a commit and then a wait for all
 *       groups;
 *   <li>shared memory stays within the target's limit, threads within 1024 and a multiple of 32;
 *   <li>names are valid identifiers, parameters distinct.
 * </ul>
 */
public final class PtxVerifier {
  private final PtxKernel kernel;
  private final List<Inst> body;
  private final Map<String, Integer> labels = new HashMap<>();
  private final Map<Reg, Integer> numbers = new HashMap<>();

  private PtxVerifier(PtxKernel kernel) {
    this.kernel = kernel;
    this.body = kernel.body();
  }

  /**
   * Checks a kernel.
   *
   * @throws InvalidPtxException naming the instruction and the rule it breaks
   */
  public static void verify(PtxKernel kernel) {
    new PtxVerifier(kernel).run();
  }

  private void run() {
    limits();
    for (int i = 0; i < body.size(); i++) {
      if (body.get(i) instanceof Inst.Label l && labels.put(l.name(), i) != null) {
        throw fail(i, "the label is defined twice");
      }
      guards(i);
    }
    definitions();
    copies();
  }

  private void limits() {
    if (kernel.sharedBytes() > kernel.target().sharedBytesPerBlock()) {
      throw new InvalidPtxException(
          "%s needs %d bytes of shared memory; a CTA of %s has %d"
              .formatted(
                  kernel.entry(),
                  kernel.sharedBytes(),
                  kernel.target().ptxName(),
                  kernel.target().sharedBytesPerBlock()));
    }
    if (kernel.threads() < 32 || kernel.threads() > 1024 || kernel.threads() % 32 != 0) {
      throw new InvalidPtxException(kernel.threads() + " threads are not 1 to 32 whole warps");
    }
    Set<String> names = new HashSet<>(Set.of(kernel.entry()));
    kernel
        .parameters()
        .forEach(
            p -> {
              if (!names.add(PtxPrinter.name(p))) {
                throw new InvalidPtxException("two parameters are named " + p.name());
              }
            });
    for (String name : names) {
      if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new InvalidPtxException("not a PTX identifier: " + name);
      }
    }
  }

  private void guards(int at) {
    if (!(body.get(at) instanceof Inst.Guarded g)) {
      return;
    }
    switch (g.inst()) {
      case Inst.BarSync i -> throw fail(at, "a barrier must be reached by every thread");
      case Inst.BarWarpSync i -> throw fail(at, "a warp barrier must be reached by every lane");
      case Inst.ShflBfly i -> throw fail(at, "a shuffle must be executed by every lane");
      case Inst.VoteAny i -> throw fail(at, "a vote must be executed by every lane");
      case Inst.LdMatrix i -> throw fail(at, "ldmatrix must be executed by every lane");
      case Inst.Mma i -> throw fail(at, "mma must be executed by every lane");
      case Inst.CpAsyncWait i -> throw fail(at, "a wait must be executed by every lane");
      case Inst.CpAsyncCommit i -> throw fail(at, "a commit must be executed by every lane");
      default -> {}
    }
  }

  /** Successors of the instruction; none after {@code ret}. */
  private List<Integer> successors(int at) {
    Inst inst = body.get(at);
    List<Integer> next = new ArrayList<>();
    boolean falls = true;
    Inst plain = inst instanceof Inst.Guarded g ? g.inst() : inst;
    if (plain instanceof Inst.Bra bra) {
      Integer target = labels.get(bra.label());
      if (target == null) {
        throw fail(at, "the label is not defined");
      }
      next.add(target);
      falls = inst instanceof Inst.Guarded;
    } else if (plain instanceof Inst.Ret) {
      falls = inst instanceof Inst.Guarded;
    }
    if (falls) {
      if (at + 1 == body.size()) {
        throw fail(at, "the code ends without ret");
      }
      next.add(at + 1);
    }
    return next;
  }

  private void definitions() {
    Map<Integer, BitSet> entry = new HashMap<>();
    Deque<Integer> work = new ArrayDeque<>();
    entry.put(0, new BitSet());
    work.add(0);
    while (!work.isEmpty()) {
      int at = work.poll();
      BitSet defined = (BitSet) requireNonNull(entry.get(at)).clone();
      while (true) {
        Inst inst = body.get(at);
        Uses uses = Uses.of(inst);
        for (Reg r : uses.reads()) {
          if (!defined.get(number(r))) {
            throw fail(at, r.text() + " is read before it is written");
          }
        }
        uses.writes().forEach(r -> defined.set(number(r)));
        List<Integer> next = successors(at);
        boolean straight = next.size() == 1 && next.getFirst() == at + 1;
        if (straight && !(body.get(at + 1) instanceof Inst.Label)) {
          at++;
          continue;
        }
        for (int target : next) {
          BitSet before = entry.get(target);
          if (before == null) {
            entry.put(target, (BitSet) defined.clone());
            work.add(target);
          } else {
            BitSet meet = (BitSet) before.clone();
            meet.and(defined);
            if (!meet.equals(before)) {
              entry.put(target, meet);
              work.add(target);
            }
          }
        }
        break;
      }
    }
  }

  /** States of a path: bit 0 a copy not committed, bit 1 a committed group not waited for. */
  private void copies() {
    int[] state = new int[body.size()];
    java.util.Arrays.fill(state, -1);
    Deque<int[]> work = new ArrayDeque<>();
    work.add(new int[] {0, 0});
    while (!work.isEmpty()) {
      int[] item = work.poll();
      int at = item[0];
      int merged = state[at] < 0 ? item[1] : state[at] | item[1];
      if (merged == state[at]) {
        continue;
      }
      state[at] = merged;
      Inst inst = body.get(at);
      Inst plain = inst instanceof Inst.Guarded g ? g.inst() : inst;
      int after =
          switch (plain) {
            case Inst.CpAsync i -> merged | 1;
            case Inst.CpAsyncCommit i -> (merged & 1) != 0 ? 2 : merged;
            case Inst.CpAsyncWait i -> i.pending() == 0 ? merged & 1 : merged;
            case Inst.Ret i -> {
              if (merged != 0) {
                throw fail(at, "a path leaves the kernel with cp.async copies not waited for");
              }
              yield merged;
            }
            default -> merged;
          };
      for (int next : successors(at)) {
        work.add(new int[] {next, after});
      }
    }
  }

  private int number(Reg r) {
    return numbers.computeIfAbsent(r, k -> numbers.size());
  }

  private InvalidPtxException fail(int at, String rule) {
    return new InvalidPtxException(
        "%s, instruction %d: %s: %s"
            .formatted(kernel.entry(), at, PtxPrinter.print(body.get(at)), rule));
  }
}
