package dev.attune.ptx.hopper;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import org.jspecify.annotations.Nullable;

/**
 * One side of a channel: which stage comes next, and the parity of its barriers' phase. A full
 * barrier counts the producer's arrival and the bytes it announced; an empty barrier counts one
 * arrival of each consumer. The producer starts with parity 1, which a fresh barrier has already
 * passed.
 */
final class Ring {
  private final Emitter emit;
  private final Reg shared;
  private final HopperLayout layout;
  private final Operand operand;
  private final @Nullable Reg stage;
  private final Reg parity;

  Ring(Emitter emit, Reg shared, HopperLayout layout, Operand operand, boolean producer) {
    this.emit = emit;
    this.shared = shared;
    this.layout = layout;
    this.operand = operand;
    this.parity = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mov(parity, new IntConst(producer ? 1 : 0)));
    if (layout.stages(operand) > 1) {
      this.stage = emit.fresh(Reg.Kind.B32);
      emit.add(new Inst.Mov(stage, new IntConst(0)));
    } else {
      this.stage = null;
    }
  }

  /** {@code base} plus the stage times {@code step}. */
  Reg staged(Reg base, int step) {
    if (stage == null) {
      return base;
    }
    Reg at = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.Mad(Ty.S32, at, stage, new IntConst(step), base));
    return at;
  }

  /** The register from which the stage's barriers lie at the layout's offsets. */
  Reg barriers() {
    return staged(shared, 8);
  }

  Address full(Reg barriers) {
    return new Address(barriers, layout.full(operand));
  }

  Address empty(Reg barriers) {
    return new Address(barriers, layout.empty(operand));
  }

  /** Waits for the phase of the barrier that this side is at. */
  void await(Address barrier) {
    String spin = emit.label("wait");
    Reg done = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.Label(spin));
    emit.add(new Inst.MbarrierTryWait(done, barrier, parity));
    emit.add(new Inst.Guarded(done, true, new Inst.Bra(spin, false)));
  }

  /** On to the next stage. */
  void advance() {
    if (stage == null) {
      emit.add(new Inst.Arith(IntOp.XOR, Ty.B32, parity, parity, new IntConst(1)));
      return;
    }
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S32, stage, stage, new IntConst(1)));
    Reg wrapped = emit.fresh(Reg.Kind.PRED);
    emit.add(
        new Inst.SetP(CompareOp.EQ, Ty.S32, wrapped, stage, new IntConst(layout.stages(operand))));
    emit.add(new Inst.Guarded(wrapped, false, new Inst.Mov(stage, new IntConst(0))));
    emit.add(
        new Inst.Guarded(
            wrapped, false, new Inst.Arith(IntOp.XOR, Ty.B32, parity, parity, new IntConst(1))));
  }
}
