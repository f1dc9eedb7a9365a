package dev.attune.ptx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A kernel's code as basic blocks, with what its instructions read and write, registers numbered
 * from 0.
 */
final class Flow {

  /**
   * Instructions that are executed one after another.
   *
   * @param from the first
   * @param to after the last
   * @param next the block that follows the last instruction where it does not jump; −1: none
   * @param jump the block that it jumps to; −1: none
   */
  record Block(int from, int to, int next, int jump) {}

  private final PtxKernel kernel;
  private final List<Inst> body;
  private final List<Block> blocks = new ArrayList<>();
  private final Map<Reg.Kind, Integer> numberOf = new EnumMap<>(Reg.Kind.class);
  private final int registers;
  private final int[][] reads;
  private final int[][] writes;
  private final int[] blockOf;
  private final Map<Class<?>, List<Integer>> places = new HashMap<>();

  /**
   * Splits the code.
   *
   * @throws InvalidPtxException where a label is missing or defined twice, or the code can run past
   *     its end
   */
  Flow(PtxKernel kernel) {
    this.kernel = kernel;
    this.body = kernel.body();
    List<Uses> uses = body.stream().map(Uses::of).toList();
    Map<Reg.Kind, Integer> counts = new EnumMap<>(Reg.Kind.class);
    for (Uses u : uses) {
      u.reads().forEach(r -> counts.merge(r.kind(), r.id() + 1, Math::max));
      u.writes().forEach(r -> counts.merge(r.kind(), r.id() + 1, Math::max));
    }
    int sum = 0;
    for (Map.Entry<Reg.Kind, Integer> e : counts.entrySet()) {
      numberOf.put(e.getKey(), sum);
      sum += e.getValue();
    }
    registers = sum;
    reads = uses.stream().map(u -> numbers(u.reads())).toArray(int[][]::new);
    writes = uses.stream().map(u -> numbers(u.writes())).toArray(int[][]::new);
    blockOf = new int[body.size()];
    for (int i = 0; i < body.size(); i++) {
      places.computeIfAbsent(plain(i).getClass(), k -> new ArrayList<>()).add(i);
    }
    split();
  }

  private void split() {
    if (body.isEmpty()) {
      throw new InvalidPtxException(kernel.entry() + " has no code");
    }
    Map<String, Integer> labels = new HashMap<>();
    boolean[] leads = new boolean[body.size() + 1];
    leads[0] = true;
    for (int i = 0; i < body.size(); i++) {
      switch (plain(i)) {
        case Inst.Label l -> {
          leads[i] = true;
          if (labels.put(l.name(), i) != null) {
            throw fail(i, "the label is defined twice");
          }
        }
        case Inst.Bra b -> leads[i + 1] = true;
        case Inst.Ret r -> leads[i + 1] = true;
        default -> {}
      }
    }
    int count = 0;
    for (int i = 0; i < body.size(); i++) {
      count += leads[i] ? 1 : 0;
      blockOf[i] = count - 1;
    }
    int from = 0;
    for (int to = 1; to <= body.size(); to++) {
      if (leads[to] || to == body.size()) {
        blocks.add(block(from, to, labels));
        from = to;
      }
    }
  }

  private Block block(int from, int to, Map<String, Integer> labels) {
    int last = to - 1;
    int jump = -1;
    boolean falls = true;
    if (plain(last) instanceof Inst.Bra b) {
      Integer target = labels.get(b.label());
      if (target == null) {
        throw fail(last, "the label is not defined");
      }
      jump = blockOf[target];
      falls = guarded(last).isPresent();
    } else if (plain(last) instanceof Inst.Ret) {
      falls = guarded(last).isPresent();
    }
    if (falls && to == body.size()) {
      throw fail(last, "the code ends without ret");
    }
    return new Block(from, to, falls ? blockOf[to] : -1, jump);
  }

  PtxKernel kernel() {
    return kernel;
  }

  /** Instructions of the kernel. */
  int size() {
    return body.size();
  }

  List<Block> blocks() {
    return blocks;
  }

  /** The block of an instruction. */
  int block(int at) {
    return blockOf[at];
  }

  /** Numbers of the instructions of one of the classes, guarded or not, in order. */
  List<Integer> places(List<Class<? extends Inst>> kinds) {
    return kinds.stream()
        .flatMap(k -> places.getOrDefault(k, List.of()).stream())
        .sorted()
        .toList();
  }

  Inst inst(int at) {
    return body.get(at);
  }

  /** The instruction without its guard. */
  Inst plain(int at) {
    return body.get(at) instanceof Inst.Guarded g ? g.inst() : body.get(at);
  }

  /** The instruction with its guard, if it has one. */
  Optional<Inst.Guarded> guarded(int at) {
    return body.get(at) instanceof Inst.Guarded g ? Optional.of(g) : Optional.empty();
  }

  /** How many registers the code names. */
  int registers() {
    return registers;
  }

  int number(Reg r) {
    return numberOf.getOrDefault(r.kind(), 0) + r.id();
  }

  int[] numbers(List<Reg> regs) {
    int[] all = new int[regs.size()];
    Arrays.setAll(all, i -> number(regs.get(i)));
    return all;
  }

  /** Numbers of the registers an instruction reads, its guard among them. */
  int[] reads(int at) {
    return reads[at];
  }

  /** Numbers of the registers an instruction writes. */
  int[] writes(int at) {
    return writes[at];
  }

  /** The name of the register of a number. */
  String name(int number) {
    Reg.Kind kind = Reg.Kind.PRED;
    int first = -1;
    for (Map.Entry<Reg.Kind, Integer> e : numberOf.entrySet()) {
      if (e.getValue() <= number && e.getValue() > first) {
        kind = e.getKey();
        first = e.getValue();
      }
    }
    return new Reg(kind, number - first).text();
  }

  /** The instruction breaks a rule. */
  InvalidPtxException fail(int at, String rule) {
    return new InvalidPtxException(
        "%s, instruction %d: %s: %s"
            .formatted(kernel.entry(), at, PtxPrinter.print(body.get(at)), rule));
  }
}
