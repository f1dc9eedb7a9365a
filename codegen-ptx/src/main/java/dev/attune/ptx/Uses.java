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
      case Inst.VoteBallot i -> uses(i.dst(), i.src());
      case Inst.PopCount i -> uses(i.dst(), i.src());
      case Inst.Guarded i -> {
        Uses inner = of(i.inst());
        yield new Uses(concat(List.of(i.guard()), inner.reads()), inner.writes());
      }
      case Inst.BarSyncSome i -> new Uses(registers(i.id()), List.of());
      case Inst.MbarrierInit i -> reads(i.barrier().base());
      case Inst.MbarrierArrive i -> reads(i.barrier().base());
      case Inst.MbarrierExpect i ->
          new Uses(concat(List.of(i.barrier().base()), registers(i.bytes())), List.of());
      case Inst.MbarrierTryWait i -> uses(i.dst(), i.barrier().base(), i.parity());
      case Inst.TensorMapAddress i -> uses(i.dst());
      case Inst.PrefetchTensorMap i -> reads(i.map());
      case Inst.TmaLoad i ->
          new Uses(
              concat(
                  List.of(i.to().base(), i.map(), i.barrier().base()), registers(i.coordinates())),
              List.of());
      case Inst.TmaStore i ->
          new Uses(
              concat(List.of(i.from().base(), i.map()), registers(i.coordinates())), List.of());
      case Inst.Wgmma i -> {
        List<Reg> left =
            switch (i.a()) {
              case Inst.Left.Shared(Reg descriptor) -> List.of(descriptor);
              case Inst.Left.Registers(List<Reg> regs) -> regs;
            };
        List<Reg> operands = concat(left, List.of(i.b()));
        yield new Uses(i.accumulate() ? concat(operands, i.d()) : operands, i.d());
      }
      case Inst.Elect i -> uses(i.dst());
      case Inst.StMatrix i -> new Uses(concat(List.of(i.to().base()), i.src()), List.of());
      case Inst.ShflIdx i -> uses(i.dst(), i.src(), i.lane());
      case Inst.AtomAdd i -> uses(i.dst(), i.at().base(), i.value());
      case Inst.AtomInc i -> uses(i.dst(), i.at().base(), i.bound());
      case Inst.Join i -> uses(i.dst(), i.low(), i.high());
      case Inst.Bits i -> uses(i.dst(), i.src());
      case Inst.HighestBit i -> uses(i.dst(), i.src());
      case Inst.FenceMbarrierInit i -> NONE;
      case Inst.FenceProxyAsync i -> NONE;
      case Inst.FenceGpu i -> NONE;
      case Inst.TmaStoreCommit i -> NONE;
      case Inst.TmaStoreWait i -> NONE;
      case Inst.WgmmaFence i -> NONE;
      case Inst.WgmmaCommit i -> NONE;
      case Inst.WgmmaWait i -> NONE;
      case Inst.SetMaxRegisters i -> NONE;
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

  private static Uses reads(Reg reg) {
    return new Uses(List.of(reg), List.of());
  }

  private static List<Reg> registers(List<Operand> operands) {
    return operands.stream().flatMap(o -> registers(o).stream()).toList();
  }

  private static List<Reg> registers(Operand operand) {
    return operand instanceof Reg r ? List.of(r) : List.of();
  }

  private static List<Reg> concat(List<Reg> a, List<Reg> b) {
    return Stream.concat(a.stream(), b.stream()).toList();
  }
}
