package dev.attune.ptx;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Every instruction in every form, to be printed. The code means nothing. */
final class InstructionSamples {
  static final Parameter MAP =
      new Parameter("q", new Role.TensorMap(Operand.Q, 128, 64), Parameter.Type.TENSOR_MAP);
  private static final Parameter POINTER =
      new Parameter("lse", new Role.Pointer(Operand.LSE), Parameter.Type.U64);
  private static final Parameter SIZE =
      new Parameter("rows", new Role.Size(Extent.SQ), Parameter.Type.S32);
  private static final Parameter STRIDE =
      new Parameter("stride", new Role.Stride(Operand.Q, Parameter.Axis.SEQ), Parameter.Type.S64);
  private static final Parameter SCALE =
      new Parameter("scale", new Role.Scale(), Parameter.Type.F32);
  static final List<Parameter> PARAMETERS = List.of(MAP, POINTER, SIZE, STRIDE, SCALE);

  private static final Reg R = b32(0);
  private static final Reg F = f32(0);
  private static final Reg D = b64(0);
  private static final Reg P = p(0);
  private static final Address SHARED = new Address(R, 16);
  private static final Address GLOBAL = new Address(D, 16);

  private InstructionSamples() {}

  static Reg b32(int id) {
    return new Reg(Reg.Kind.B32, id);
  }

  static Reg b64(int id) {
    return new Reg(Reg.Kind.B64, id);
  }

  static Reg f32(int id) {
    return new Reg(Reg.Kind.F32, id);
  }

  static Reg p(int id) {
    return new Reg(Reg.Kind.PRED, id);
  }

  static List<Reg> regs(Reg.Kind kind, int from, int count) {
    return IntStream.range(from, from + count).mapToObj(i -> new Reg(kind, i)).toList();
  }

  /** Writes of every register that the samples read. */
  static List<Inst> definitions() {
    List<Inst> all = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      // The assembler's version 12.0 crashes on an mbarrier.init whose address is a constant.
      all.add(new Inst.SharedBase(b32(i)));
    }
    for (int i = 0; i < 2; i++) {
      all.add(new Inst.Mov(b64(i), new IntConst(i)));
      all.add(new Inst.SetP(CompareOp.EQ, Ty.S32, p(i), b32(i), new IntConst(i)));
    }
    for (int i = 0; i < 128; i++) {
      all.add(new Inst.Mov(f32(i), new FloatConst(i)));
    }
    return all;
  }

  /** Instructions of sm_80 and up. */
  static List<Inst> common() {
    List<Inst> all = new ArrayList<>();
    all.add(new Inst.Mov(R, new IntConst(-1)));
    all.add(new Inst.Mov(D, new IntConst(1L << 40)));
    all.add(new Inst.Mov(F, new FloatConst(Float.NEGATIVE_INFINITY)));
    for (Inst.Special special : Inst.Special.values()) {
      all.add(new Inst.ReadSpecial(R, special));
    }
    all.add(new Inst.SharedBase(R));
    all.add(new Inst.LdParam(D, POINTER));
    all.add(new Inst.LdParam(D, STRIDE));
    all.add(new Inst.LdParam(R, SIZE));
    all.add(new Inst.LdParam(F, SCALE));
    arithmetic(all);
    memory(all);
    all.add(new Inst.BarSync(0));
    all.add(new Inst.BarSyncSome(R, 64));
    all.add(new Inst.BarSyncSome(new IntConst(15), 128));
    all.add(new Inst.BarWarpSync());
    all.add(new Inst.ShflBfly(R, R, 16));
    all.add(new Inst.ShflBfly(F, F, 1));
    all.add(new Inst.ShflIdx(R, R, 0));
    all.add(new Inst.VoteAny(P, p(1)));
    all.add(new Inst.VoteBallot(R, P));
    all.add(new Inst.Comment("a comment", false));
    all.add(new Inst.Comment("an operation", true));
    all.add(new Inst.Guarded(P, false, new Inst.Mov(R, new IntConst(0))));
    all.add(new Inst.Guarded(P, true, new Inst.Bra("L0", false)));
    all.add(new Inst.Bra("L0", true));
    all.add(new Inst.Label("L0"));
    return all;
  }

  private static void arithmetic(List<Inst> all) {
    List<Ty> integers = List.of(Ty.S32, Ty.U32, Ty.S64);
    for (Inst.IntOp op : Inst.IntOp.values()) {
      List<Ty> types =
          switch (op) {
            case AND, OR, XOR, SHL -> List.of(Ty.B32, Ty.B64);
            case ADD, SUB, MUL, DIV, REM, MIN, MAX, SHR -> integers;
          };
      for (Ty type : types) {
        Reg r = type.kind() == Reg.Kind.B64 ? D : R;
        boolean shift = op == Inst.IntOp.SHL || op == Inst.IntOp.SHR;
        all.add(new Inst.Arith(op, type, r, r, shift ? R : r));
        all.add(new Inst.Arith(op, type, r, r, new IntConst(3)));
      }
    }
    for (Ty type : integers) {
      Reg r = type.kind() == Reg.Kind.B64 ? D : R;
      all.add(new Inst.Mad(type, r, r, r, r));
    }
    all.add(new Inst.MadWide(D, R, new IntConst(6), D));
    for (Inst.FloatOp op : Inst.FloatOp.values()) {
      all.add(new Inst.FloatArith(op, F, F, new FloatConst(0.5f)));
    }
    all.add(new Inst.Fma(F, F, F, new FloatConst(0.5f)));
    for (Inst.FloatUnary op : Inst.FloatUnary.values()) {
      all.add(new Inst.FloatUn(op, F, F));
    }
    all.add(new Inst.IntAbs(Ty.S32, R, R));
    all.add(new Inst.IntAbs(Ty.S64, D, D));
    for (Inst.Conversion c : Inst.Conversion.values()) {
      all.add(new Inst.Convert(c, new Reg(c.to(), 0), new Reg(c.from(), 0)));
    }
    for (Dtype dtype : Dtype.values()) {
      all.add(new Inst.Pack(dtype, R, F, F));
    }
    for (CompareOp op : CompareOp.values()) {
      all.add(new Inst.SetP(op, Ty.S32, P, R, new IntConst(7)));
      all.add(new Inst.SetP(op, Ty.S64, P, D, D));
      all.add(new Inst.SetP(op, Ty.F32, P, F, F));
    }
    for (Inst.PredOp op : Inst.PredOp.values()) {
      all.add(new Inst.Pred(op, P, P, p(1)));
    }
    all.add(new Inst.PredNot(P, P));
    all.add(new Inst.SelP(R, R, new IntConst(0), P));
    all.add(new Inst.SelP(D, D, D, P));
    all.add(new Inst.SelP(F, F, F, P));
    all.add(new Inst.Join(D, R, R));
    all.add(new Inst.Join(D, R, new IntConst(1 << 30)));
    all.add(new Inst.Bits(R, F));
    all.add(new Inst.Bits(F, R));
    all.add(new Inst.HighestBit(R, R));
    all.add(new Inst.PopCount(R, R));
  }

  private static void memory(List<Inst> all) {
    for (int n : List.of(1, 2, 4)) {
      for (Inst.MemTy type : Inst.MemTy.values()) {
        List<Reg> r = regs(type.kind(), 0, n);
        for (Inst.Space space : Inst.Space.values()) {
          Address at = space == Inst.Space.SHARED ? SHARED : GLOBAL;
          all.add(new Inst.Ld(space, type, r, at));
          if (space != Inst.Space.GLOBAL_CONST) {
            all.add(new Inst.St(space, type, at, r));
          }
        }
      }
      all.add(new Inst.LdMatrix(false, regs(Reg.Kind.B32, 0, n), SHARED));
      all.add(new Inst.LdMatrix(true, regs(Reg.Kind.B32, 0, n), SHARED));
    }
    for (Dtype dtype : Dtype.values()) {
      all.add(
          new Inst.Mma(
              dtype,
              regs(Reg.Kind.F32, 0, 4),
              regs(Reg.Kind.B32, 0, 4),
              regs(Reg.Kind.B32, 4, 2),
              regs(Reg.Kind.F32, 0, 4)));
    }
    all.add(new Inst.CpAsync(SHARED, GLOBAL, Optional.empty()));
    all.add(new Inst.CpAsync(SHARED, GLOBAL, Optional.of(R)));
    all.add(new Inst.CpAsyncCommit());
    all.add(new Inst.CpAsyncWait(1));
    all.add(new Inst.FenceGpu());
    all.add(new Inst.AtomAdd(R, GLOBAL, new IntConst(1)));
    all.add(new Inst.AtomInc(R, GLOBAL, R));
  }

  /** Instructions of sm_90a alone. */
  static List<Inst> hopper() {
    List<Inst> all = new ArrayList<>();
    List<dev.attune.ptx.Operand> coordinates = List.of(new IntConst(64), R, b32(1), b32(2));
    all.add(new Inst.MbarrierInit(SHARED, 3));
    all.add(new Inst.FenceMbarrierInit());
    all.add(new Inst.MbarrierArrive(SHARED));
    all.add(new Inst.MbarrierExpect(SHARED, 49152));
    all.add(new Inst.MbarrierTryWait(P, SHARED, R));
    all.add(new Inst.FenceProxyAsync());
    all.add(new Inst.TensorMapAddress(D, MAP));
    all.add(new Inst.PrefetchTensorMap(D));
    all.add(new Inst.TmaLoad(SHARED, D, coordinates, new Address(b32(3), 8)));
    all.add(new Inst.TmaStore(D, coordinates, SHARED));
    all.add(new Inst.TmaStoreCommit());
    all.add(new Inst.TmaStoreWait(1, true));
    all.add(new Inst.TmaStoreWait(0, false));
    all.add(new Inst.SetMaxRegisters(24, false));
    all.add(new Inst.SetMaxRegisters(240, true));
    all.add(new Inst.Elect(P));
    for (int n : List.of(1, 2, 4)) {
      all.add(new Inst.StMatrix(SHARED, regs(Reg.Kind.B32, 0, n)));
    }
    all.add(new Inst.WgmmaFence());
    for (Dtype dtype : Dtype.values()) {
      for (int columns = 8; columns <= 256; columns += 8) {
        List<Reg> d = regs(Reg.Kind.F32, 0, columns / 2);
        boolean accumulate = columns % 16 == 0;
        Inst.Left shared = new Inst.Left.Shared(D);
        Inst.Left registers = new Inst.Left.Registers(regs(Reg.Kind.B32, 0, 4));
        all.add(new Inst.Wgmma(dtype, d, shared, b64(1), accumulate, columns % 64 == 0));
        all.add(new Inst.Wgmma(dtype, d, registers, b64(1), accumulate, columns % 32 == 0));
      }
    }
    all.add(new Inst.WgmmaCommit());
    all.add(new Inst.WgmmaWait(1));
    all.add(new Inst.WgmmaWait(0));
    return all;
  }
}
