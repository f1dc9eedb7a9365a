package dev.attune.ptx;

import static dev.attune.ptx.InstructionSamples.b32;
import static dev.attune.ptx.InstructionSamples.b64;
import static dev.attune.ptx.InstructionSamples.f32;
import static dev.attune.ptx.InstructionSamples.p;
import static dev.attune.ptx.InstructionSamples.regs;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * A small kernel that keeps every rule: a producer warpgroup that loads one box and a consumer
 * warpgroup that multiplies it with itself and stores the result.
 */
record TinyHopper(Target target, int threads, int blocksPerSm, List<Inst> body) {
  static final Parameter Q =
      new Parameter("q", new Role.TensorMap(Operand.Q, 128, 64), Parameter.Type.TENSOR_MAP);
  static final Parameter O =
      new Parameter("o", new Role.TensorMap(Operand.O, 64, 64), Parameter.Type.TENSOR_MAP);

  static final int SHARED = 32768;
  static final Reg BASE = b32(0);
  static final Reg THREAD = b32(1);
  static final Reg GROUP = b32(3);
  static final Reg BARRIER_ID = b32(6);
  static final Address FULL = new Address(BASE, 24576);
  static final Address EMPTY = new Address(BASE, 24584);
  static final Address OUT = new Address(BASE, 16384);
  static final Reg Q_MAP = b64(0);
  static final Reg O_MAP = b64(1);
  static final Reg DESCRIPTOR = b64(2);
  static final Reg SPARE = b32(20);
  static final List<Reg> D = regs(Reg.Kind.F32, 0, 32);
  static final List<Reg> A = regs(Reg.Kind.B32, 8, 4);
  static final List<dev.attune.ptx.Operand> ORIGIN =
      List.of(new IntConst(0), new IntConst(0), new IntConst(0), new IntConst(0));

  static TinyHopper kernel() {
    List<Inst> all = new ArrayList<>();
    all.add(new Inst.SharedBase(BASE));
    all.add(new Inst.ReadSpecial(THREAD, Inst.Special.TID_X));
    all.add(new Inst.Arith(IntOp.SHR, Ty.U32, b32(2), THREAD, new IntConst(7)));
    all.add(new Inst.ShflIdx(GROUP, b32(2), 0));
    all.add(new Inst.TensorMapAddress(Q_MAP, Q));
    all.add(new Inst.TensorMapAddress(O_MAP, O));
    all.add(new Inst.Mov(DESCRIPTOR, new IntConst(1L << 62)));
    all.add(new Inst.ReadSpecial(SPARE, Inst.Special.CTAID_X));
    all.add(new Inst.SetP(CompareOp.NE, Ty.S32, p(0), THREAD, new IntConst(0)));
    all.add(new Inst.Guarded(p(0), false, new Inst.Bra("ready", false)));
    all.add(new Inst.MbarrierInit(FULL, 1));
    all.add(new Inst.MbarrierInit(EMPTY, 1));
    all.add(new Inst.FenceMbarrierInit());
    all.add(new Inst.Label("ready"));
    all.add(new Inst.BarSync(0));
    all.add(new Inst.SetP(CompareOp.NE, Ty.S32, p(1), GROUP, new IntConst(0)));
    all.add(new Inst.Guarded(p(1), false, new Inst.Bra("consumer", true)));
    producer(all);
    all.add(new Inst.Label("consumer"));
    consumer(all);
    return new TinyHopper(Target.SM_90A, 256, 1, all);
  }

  private static void producer(List<Inst> all) {
    all.add(new Inst.SetMaxRegisters(24, false));
    all.add(new Inst.Arith(IntOp.SHR, Ty.U32, b32(4), THREAD, new IntConst(5)));
    all.add(new Inst.SetP(CompareOp.GT, Ty.S32, p(2), b32(4), new IntConst(0)));
    all.add(new Inst.Guarded(p(2), false, new Inst.Bra("idle", true)));
    all.add(new Inst.Elect(p(3)));
    all.add(new Inst.Guarded(p(3), true, new Inst.Bra("idle", false)));
    all.add(new Inst.MbarrierExpect(FULL, 16384));
    all.add(new Inst.TmaLoad(new Address(BASE, 0), Q_MAP, ORIGIN, FULL));
    all.add(new Inst.Label("idle"));
    all.add(new Inst.Ret());
  }

  private static void consumer(List<Inst> all) {
    all.add(new Inst.SetMaxRegisters(256, true));
    all.add(new Inst.Mov(b32(5), new IntConst(0)));
    all.add(new Inst.Label("wait"));
    all.add(new Inst.MbarrierTryWait(p(4), FULL, b32(5)));
    all.add(new Inst.Guarded(p(4), true, new Inst.Bra("wait", false)));
    all.add(new Inst.LdMatrix(false, A, new Address(BASE, 0)));
    all.add(new Inst.WgmmaFence());
    all.add(product(false));
    all.add(product(true));
    all.add(new Inst.WgmmaCommit());
    all.add(new Inst.WgmmaWait(0));
    all.add(new Inst.Pack(Dtype.BF16, b32(7), f32(1), f32(0)));
    all.add(new Inst.StMatrix(OUT, List.of(b32(7))));
    all.add(new Inst.FenceProxyAsync());
    all.add(new Inst.Arith(IntOp.ADD, Ty.S32, BARRIER_ID, GROUP, new IntConst(4)));
    all.add(new Inst.BarSyncSome(BARRIER_ID, 128));
    all.add(new Inst.Elect(p(5)));
    all.add(new Inst.Guarded(p(5), true, new Inst.Bra("stored", false)));
    all.add(new Inst.TmaStore(O_MAP, ORIGIN, OUT));
    all.add(new Inst.TmaStoreCommit());
    all.add(new Inst.TmaStoreWait(0, true));
    all.add(new Inst.Label("stored"));
    all.add(new Inst.MbarrierArrive(EMPTY));
    all.add(new Inst.Ret());
  }

  /** 64×64 with A in registers. */
  static Inst product(boolean accumulate) {
    return new Inst.Wgmma(Dtype.BF16, D, new Inst.Left.Registers(A), DESCRIPTOR, accumulate, true);
  }

  TinyHopper with(Target other) {
    return new TinyHopper(other, threads, blocksPerSm, body);
  }

  TinyHopper with(int otherThreads, int otherBlocks) {
    return new TinyHopper(target, otherThreads, otherBlocks, body);
  }

  /** Without the nth instruction of a class, from 0. */
  TinyHopper without(Class<? extends Inst> kind, int nth) {
    return edited(kind, nth, List.of(), false);
  }

  TinyHopper without(Class<? extends Inst> kind) {
    return without(kind, 0);
  }

  /** With others in place of the nth instruction of a class. */
  TinyHopper replaced(Class<? extends Inst> kind, int nth, Inst... others) {
    return edited(kind, nth, List.of(others), false);
  }

  /** With others before the nth instruction of a class. */
  TinyHopper before(Class<? extends Inst> kind, int nth, Inst... others) {
    return edited(kind, nth, List.of(others), true);
  }

  private TinyHopper edited(Class<? extends Inst> kind, int nth, List<Inst> others, boolean keep) {
    List<Inst> all = new ArrayList<>();
    int seen = 0;
    for (Inst inst : body) {
      boolean here = kind.isInstance(inst) && seen++ == nth;
      if (here) {
        all.addAll(others);
      }
      if (!here || keep) {
        all.add(inst);
      }
    }
    if (seen <= nth) {
      throw new AssertionError("only %d of %s".formatted(seen, kind.getSimpleName()));
    }
    return new TinyHopper(target, threads, blocksPerSm, all);
  }

  PtxKernel build() {
    return new PtxKernel(
        "tiny", target, List.of(Q, O), threads, blocksPerSm, SHARED, List.of(), body);
  }
}
