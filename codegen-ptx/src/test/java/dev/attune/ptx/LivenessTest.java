package dev.attune.ptx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LivenessTest {
  private final List<Inst> code = new ArrayList<>();

  private static Reg r(int id) {
    return new Reg(Reg.Kind.B32, id);
  }

  private static Reg p(int id) {
    return new Reg(Reg.Kind.PRED, id);
  }

  private void set(int id) {
    code.add(new Inst.Mov(r(id), new IntConst(id)));
  }

  private void add(int to, int a, int b) {
    code.add(new Inst.Arith(IntOp.ADD, Ty.S32, r(to), r(a), r(b)));
  }

  private int most() {
    code.add(new Inst.Ret());
    return Liveness.most(code);
  }

  @Test
  void valuesLiveFromTheirWriteToTheirLastRead() {
    for (int i = 0; i < 4; i++) {
      set(i);
    }
    add(4, 0, 1);
    add(5, 2, 3);
    add(6, 4, 5);
    code.add(new Inst.Arith(IntOp.ADD, Ty.S32, r(7), r(6), r(6)));
    assertEquals(4, most());
  }

  @Test
  void addressesTakeTwoAndPredicatesNone() {
    Reg wide = new Reg(Reg.Kind.B64, 0);
    code.add(new Inst.Join(wide, r(0), r(1)));
    code.add(new Inst.SetP(CompareOp.LT, Ty.S32, p(0), r(2), new IntConst(1)));
    code.add(
        new Inst.Guarded(
            p(0),
            false,
            new Inst.St(
                Inst.Space.GLOBAL, Inst.MemTy.B32, new Inst.Address(wide, 0), List.of(r(2)))));
    assertEquals(3, most());
  }

  @Test
  void whatALoopReadsAgainLivesThroughoutIt() {
    set(0);
    set(1);
    code.add(new Inst.Label("loop"));
    set(2);
    set(3);
    add(1, 2, 3);
    code.add(new Inst.SetP(CompareOp.LT, Ty.S32, p(0), r(1), r(0)));
    code.add(new Inst.Guarded(p(0), false, new Inst.Bra("loop", false)));
    // r0 and, where r2 and r3 are there, those; r1 is written before it is read.
    assertEquals(3, most());
  }

  @Test
  void aGuardedWriteKeepsTheOldValue() {
    set(0);
    set(1);
    code.add(new Inst.SetP(CompareOp.LT, Ty.S32, p(0), r(1), new IntConst(3)));
    set(2);
    code.add(new Inst.Guarded(p(0), false, new Inst.Mov(r(0), r(2))));
    add(3, 0, 1);
    assertEquals(3, most());
  }
}
