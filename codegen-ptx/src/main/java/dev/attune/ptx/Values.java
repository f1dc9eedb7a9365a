package dev.attune.ptx;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What registers hold in some threads of a warp, as far as it follows from the threads' numbers and
 * constants. Only registers with a single write in the whole code are followed.
 */
final class Values {
  private final Flow flow;
  private final @Nullable Inst[] definitions;
  private final int warp;
  private final int firstLane;
  private final int lastLane;
  private final Map<Integer, Optional<Range>> ranges = new HashMap<>();
  private final Map<Integer, Optional<Boolean>> truths = new HashMap<>();

  private Values(Flow flow, @Nullable Inst[] definitions, int warp, int firstLane, int lastLane) {
    this.flow = flow;
    this.definitions = definitions;
    this.warp = warp;
    this.firstLane = firstLane;
    this.lastLane = lastLane;
  }

  /** The only, unguarded write of each register, by number; null for all others. */
  static @Nullable Inst[] definitions(Flow flow) {
    @Nullable Inst[] only = new Inst[flow.registers()];
    boolean[] written = new boolean[flow.registers()];
    for (int i = 0; i < flow.size(); i++) {
      for (int r : flow.writes(i)) {
        only[r] = written[r] || flow.guarded(i).isPresent() ? null : flow.inst(i);
        written[r] = true;
      }
    }
    return only;
  }

  /** Of a warp's first lane, which stands for the elected one. */
  static Values ofFirst(Flow flow, @Nullable Inst[] definitions, int warp) {
    return new Values(flow, definitions, warp, 0, 0);
  }

  /** Of a warp's other lanes. */
  static Values ofOthers(Flow flow, @Nullable Inst[] definitions, int warp) {
    return new Values(flow, definitions, warp, 1, 31);
  }

  /** Which values an integer can have. */
  Optional<Range> range(Operand operand) {
    return switch (operand) {
      case Operand.IntConst c -> Optional.of(Range.of(c.value()));
      case Operand.FloatConst c -> Optional.empty();
      case Reg r -> {
        int number = flow.number(r);
        Optional<Range> known = ranges.get(number);
        if (known == null) {
          Inst definition = definitions[number];
          known = definition == null ? Optional.empty() : range(definition);
          ranges.put(number, known);
        }
        yield known;
      }
    };
  }

  /** Where an address of shared memory lies, in bytes from the kernel's buffer. */
  Optional<Range> place(Inst.Address address) {
    return range(address.base())
        .filter(Range::shared)
        .flatMap(r -> Range.of(Inst.IntOp.ADD, r, Range.of(address.offset())));
  }

  private Optional<Range> range(Inst definition) {
    return switch (definition) {
      case Inst.Mov i -> range(i.src());
      case Inst.SharedBase i -> Optional.of(new Range(0, 0, true));
      case Inst.ReadSpecial i ->
          i.special() == Inst.Special.TID_X
              ? Optional.of(new Range(32L * warp + firstLane, 32L * warp + lastLane, false))
              : Optional.empty();
      case Inst.ShflIdx(Reg dst, Operand src, Operand.IntConst(long lane)) ->
          new Values(flow, definitions, warp, (int) lane, (int) lane).range(src);
      case Inst.Arith i -> both(i.op(), range(i.a()), range(i.b()));
      case Inst.Mad i ->
          both(Inst.IntOp.ADD, both(Inst.IntOp.MUL, range(i.a()), range(i.b())), range(i.c()));
      case Inst.SelP i -> holds(i.p()).flatMap(p -> range(p ? i.a() : i.b()));
      default -> Optional.empty();
    };
  }

  private static Optional<Range> both(Inst.IntOp op, Optional<Range> a, Optional<Range> b) {
    return a.isEmpty() || b.isEmpty() ? Optional.empty() : Range.of(op, a.get(), b.get());
  }

  /** Whether a predicate holds. */
  Optional<Boolean> holds(Reg predicate) {
    int number = flow.number(predicate);
    Optional<Boolean> known = truths.get(number);
    if (known == null) {
      Inst definition = definitions[number];
      known = definition == null ? Optional.empty() : holds(definition);
      truths.put(number, known);
    }
    return known;
  }

  private Optional<Boolean> holds(Inst definition) {
    return switch (definition) {
      case Inst.Elect i -> Optional.of(firstLane == 0);
      case Inst.SetP i -> {
        Optional<Range> a = range(i.a());
        Optional<Range> b = range(i.b());
        yield a.isEmpty() || b.isEmpty()
            ? Optional.empty()
            : Range.compare(i.op(), a.get(), b.get());
      }
      case Inst.PredNot i -> holds(i.a()).map(x -> !x);
      case Inst.Pred i -> {
        Optional<Boolean> a = holds(i.a());
        Optional<Boolean> b = holds(i.b());
        yield switch (i.op()) {
          case AND -> decided(a, b, false);
          case OR -> decided(a, b, true);
          case XOR -> a.isEmpty() || b.isEmpty() ? Optional.empty() : a.map(x -> x ^ b.get());
        };
      }
      default -> Optional.empty();
    };
  }

  /** Of AND, which one false decides, or OR, which one true does. */
  private static Optional<Boolean> decided(
      Optional<Boolean> a, Optional<Boolean> b, boolean deciding) {
    if (a.equals(Optional.of(deciding)) || b.equals(Optional.of(deciding))) {
      return Optional.of(deciding);
    }
    return a.isEmpty() || b.isEmpty() ? Optional.empty() : Optional.of(!deciding);
  }
}
