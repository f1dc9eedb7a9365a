package dev.attune.ptx;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The registers an instruction reads and writes.
 *
 * @param reads including guards and address bases
 */
public record Uses(List<Reg> reads, List<Reg> writes) {
  public Uses {
    reads = List.copyOf(reads);
    writes = List.copyOf(writes);
  }

  /** Reads and writes of an instruction. */
  public static Uses of(Inst inst) {
    return switch (inst) {
      case Inst.Mov i -> uses(i.dst(), i.src());
      case Inst.ReadSpecial i -> uses(i.dst());
      case Inst.SharedBase i -> uses(i.dst());
      case Inst.LdParam i -> uses(i.dst());
      case Inst.Arith i -> uses(i.dst(), i.a(), i.b());
      case Inst.Mad i -> uses(i.dst(), i.a(), i.b(), i.c());
      case Inst.MadWide i -> uses(i.dst(), i.a(), i.b(), i.c());
      case Inst.FloatArith i -> uses(i.dst(), i.a(), i.b());
      case Inst.Fma i -> uses(i.dst(), i.a(), i.b(), i.c());
      case Inst.FloatUn i -> uses(i.dst(), i.a());
      case Inst.IntAbs i -> uses(i.dst(), i.a());
      case Inst.Convert i -> uses(i.dst(), i.a());
      case Inst.Pack i -> uses(i.dst(), i.high(), i.low());
      case Inst.SetP i -> uses(i.dst(), i.a(), i.b());
      case Inst.Pred i -> uses(i.dst(), i.a(), i.b());
      case Inst.PredNot i -> uses(i.dst(), i.a());
      case Inst.SelP i -> uses(i.dst(), i.a(), i.b(), i.p());
      case Inst.Ld i -> new Uses(List.of(i.from().base()), i.dst());
      case Inst.St i -> new Uses(concat(List.of(i.to().base()), i.src()), List.of());
      case Inst.LdMatrix i -> new Uses(List.of(i.from().base()), i.dst());
      case Inst.Mma i -> new Uses(concat(concat(i.a(), i.b()), i.c()), i.d());
      case Inst.CpAsync i ->
          new Uses(
              concat(
                  List.of(i.to().base(), i.from().base()),
                  i.valid().map(Uses::registers).orElse(List.of())),
              List.of());
      case Inst.ShflBfly i -> uses(i.dst(), i.src());
      case Inst.VoteAny i -> uses(i.dst(), i.src());
      case Inst.Guarded i -> {
        Uses inner = of(i.inst());
        yield new Uses(concat(List.of(i.guard()), inner.reads()), inner.writes());
      }
      case Inst.CpAsyncCommit i -> NONE;
      case Inst.CpAsyncWait i -> NONE;
      case Inst.BarSync i -> NONE;
      case Inst.BarWarpSync i -> NONE;
      case Inst.Bra i -> NONE;
      case Inst.Label i -> NONE;
      case Inst.Ret i -> NONE;
      case Inst.Comment i -> NONE;
    };
  }

  private static final Uses NONE = new Uses(List.of(), List.of());

  private static Uses uses(Reg dst, Operand... sources) {
    List<Reg> reads = new ArrayList<>();
    for (Operand source : sources) {
      reads.addAll(registers(source));
    }
    return new Uses(reads, List.of(dst));
  }

  private static List<Reg> registers(Operand operand) {
    return operand instanceof Reg r ? List.of(r) : List.of();
  }

  private static List<Reg> concat(List<Reg> a, List<Reg> b) {
    return Stream.concat(a.stream(), b.stream()).toList();
  }
}
