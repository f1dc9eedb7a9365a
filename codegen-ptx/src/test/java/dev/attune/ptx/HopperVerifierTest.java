package dev.attune.ptx;

import static dev.attune.ptx.InstructionSamples.b32;
import static dev.attune.ptx.InstructionSamples.b64;
import static dev.attune.ptx.InstructionSamples.f32;
import static dev.attune.ptx.InstructionSamples.p;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.FloatConst;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.assemble.Assembler;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Each rule of sm_90a: a kernel that breaks it, and the form that is accepted. */
class HopperVerifierTest {
  private static final TinyHopper TINY = TinyHopper.kernel();
  private static final Inst TOUCH = new Inst.Mov(f32(40), f32(3));

  private static void accepted(TinyHopper kernel) {
    PtxVerifier.verify(kernel.build());
  }

  private static void refused(String rule, TinyHopper kernel) {
    String message =
        String.valueOf(
            assertThrows(InvalidPtxException.class, () -> PtxVerifier.verify(kernel.build()))
                .getMessage());
    assertTrue(message.contains(rule), message);
  }

  @Test
  void theSmallKernelIsAccepted() {
    accepted(TINY);
  }

  @Test
  void theAssemblerTakesTheSmallKernel() {
    PtxKernel kernel = TINY.build();
    assertEquals(
        List.of(), Assembler.assemble(PtxPrinter.print(kernel), kernel.target()).notices());
  }

  @Test
  void instructionsAreOfTheirTarget() {
    refused("only sm_90a has it, not sm_90", TINY.with(Target.SM_90));
    refused("only sm_90a has it, not sm_80", TINY.with(Target.SM_80));
  }

  @Nested
  class Products {
    @Test
    void needAFence() {
      refused("no wgmma.fence comes before the first wgmma", TINY.without(Inst.WgmmaFence.class));
    }

    @Test
    void needAFenceAfterWritesOfAccumulators() {
      Inst write = new Inst.Mov(f32(0), new FloatConst(0));
      refused(
          "no wgmma.fence since the accumulator %f0 was accessed",
          TINY.before(Inst.Wgmma.class, 0, write));
      accepted(TINY.before(Inst.Wgmma.class, 0, write, new Inst.WgmmaFence()));
      accepted(TINY.before(Inst.WgmmaFence.class, 0, write));
    }

    @Test
    void needAFenceAfterReadsOfAccumulators() {
      // The second product overwrites what was just read.
      Inst[] again = {TOUCH, TinyHopper.product(false), new Inst.WgmmaCommit()};
      refused(
          "no wgmma.fence since the accumulator %f3 was accessed",
          TINY.before(Inst.Pack.class, 0, again).before(Inst.Pack.class, 0, new Inst.WgmmaWait(0)));
      accepted(
          TINY.before(Inst.Pack.class, 0, TOUCH, new Inst.WgmmaFence(), again[1], again[2])
              .before(Inst.Pack.class, 0, new Inst.WgmmaWait(0)));
    }

    @Test
    void needAFenceAfterWritesOfA() {
      refused(
          "no wgmma.fence since the A register %r9 was accessed",
          TINY.before(Inst.Wgmma.class, 0, new Inst.Mov(b32(9), new IntConst(0))));
      // Descriptors are not ordered by the fence.
      accepted(TINY.before(Inst.Wgmma.class, 0, new Inst.Mov(b64(2), new IntConst(1L << 62))));
    }

    @Test
    void needAFenceOnEveryPath() {
      TinyHopper either =
          TINY.replaced(
              Inst.WgmmaFence.class,
              0,
              new Inst.SetP(CompareOp.EQ, Ty.S32, p(9), b32(8), new IntConst(0)),
              new Inst.Guarded(p(9), false, new Inst.Bra("left", true)),
              new Inst.WgmmaFence(),
              new Inst.Label("left"));
      refused("no wgmma.fence comes before", either);
      accepted(either.before(Inst.Wgmma.class, 0, new Inst.WgmmaFence()));
    }

    @Test
    void areCommittedBeforeAWait() {
      refused("is not committed", TINY.without(Inst.WgmmaCommit.class));
    }

    @Test
    void areWaitedForBeforeAccumulatorsAreRead() {
      String rule = "belongs to a wgmma that is not waited for";
      refused("%f1 " + rule, TINY.without(Inst.WgmmaWait.class));
      refused("%f1 " + rule, TINY.replaced(Inst.WgmmaWait.class, 0, new Inst.WgmmaWait(1)));
      refused("%f3 " + rule, TINY.before(Inst.WgmmaWait.class, 0, TOUCH));
      refused("%f3 " + rule, TINY.before(Inst.WgmmaCommit.class, 0, TOUCH));
      accepted(TINY.before(Inst.Pack.class, 0, TOUCH));
    }

    @Test
    void areWaitedForBeforeAIsWritten() {
      Inst write = new Inst.Mov(b32(9), new IntConst(0));
      refused("%r9 belongs to a wgmma", TINY.before(Inst.WgmmaWait.class, 0, write));
      accepted(TINY.before(Inst.Pack.class, 0, write));
    }

    @Test
    void maySkipGroupsThatAWaitDoesNotCover() {
      List<Reg> other = InstructionSamples.regs(Reg.Kind.F32, 64, 4);
      Inst second =
          new Inst.Wgmma(
              Dtype.BF16,
              other,
              new Inst.Left.Shared(TinyHopper.DESCRIPTOR),
              TinyHopper.DESCRIPTOR,
              false,
              false);
      TinyHopper two =
          TINY.replaced(
                  Inst.WgmmaWait.class, 0, second, new Inst.WgmmaCommit(), new Inst.WgmmaWait(1))
              .before(Inst.StMatrix.class, 0, new Inst.WgmmaWait(0));
      // The first group is done, the second is not.
      accepted(two);
      refused("%f64 belongs", two.before(Inst.Pack.class, 0, new Inst.Mov(f32(41), f32(64))));
    }

    @Test
    void areNotInFlightAtRet() {
      TinyHopper late =
          TINY.before(
              Inst.MbarrierArrive.class,
              0,
              new Inst.WgmmaFence(),
              TinyHopper.product(true),
              new Inst.WgmmaCommit());
      refused("a path leaves the kernel with a wgmma not waited for", late);
      accepted(late.before(Inst.MbarrierArrive.class, 0, new Inst.WgmmaWait(0)));
    }

    @Test
    void doNotPileUp() {
      TinyHopper loop =
          TINY.before(
              Inst.WgmmaCommit.class,
              0,
              new Inst.Label("again"),
              TinyHopper.product(true),
              new Inst.WgmmaCommit(),
              new Inst.SetP(CompareOp.EQ, Ty.S32, p(9), b32(20), new IntConst(0)),
              new Inst.Guarded(p(9), false, new Inst.Bra("again", true)));
      refused("more than 8 groups", loop);
    }

    @Test
    void areOfWholeWarpgroups() {
      refused("160 threads are not whole warpgroups", TINY.with(160, 1));
    }

    @Test
    void keepTheirShapeInFlight() {
      Inst other =
          new Inst.Wgmma(
              Dtype.BF16,
              TinyHopper.D.subList(28, 32),
              new Inst.Left.Shared(TinyHopper.DESCRIPTOR),
              TinyHopper.DESCRIPTOR,
              true,
              false);
      refused(
          "the accumulator %f28 is in flight with another shape",
          TINY.before(Inst.WgmmaCommit.class, 0, other));
      accepted(
          TINY.before(Inst.Pack.class, 0, other, new Inst.WgmmaCommit(), new Inst.WgmmaWait(0)));
    }
  }

  @Nested
  class Threads {
    @Test
    void executeCollectivesTogether() {
      Inst never = new Inst.SetP(CompareOp.EQ, Ty.S32, p(9), TinyHopper.GROUP, new IntConst(7));
      for (Inst inst :
          List.of(
              TinyHopper.product(false),
              new Inst.WgmmaFence(),
              new Inst.WgmmaCommit(),
              new Inst.WgmmaWait(0),
              new Inst.SetMaxRegisters(240, true),
              new Inst.BarSync(0),
              new Inst.BarSyncSome(new IntConst(1), 128))) {
        refused(
            "must be", TINY.before(Inst.Pack.class, 0, never, new Inst.Guarded(p(9), false, inst)));
      }
    }

    @Test
    void doNotFenceInOneLane() {
      TinyHopper one =
          TINY.replaced(Inst.TmaStore.class, 0, new Inst.WgmmaFence(), new Inst.WgmmaFence());
      refused("wgmma.fence must be executed by the whole warpgroup, but lanes part", one);
    }

    @Test
    void doNotMeetInOneLane() {
      // The jump claims to be uniform, but depends on the elected lane.
      TinyHopper one =
          TINY.replaced(
                  Inst.Guarded.class, 5, new Inst.Guarded(p(5), true, new Inst.Bra("stored", true)))
              .before(Inst.TmaStore.class, 0, new Inst.BarWarpSync());
      refused("not all lanes of warp 4 execute it", one);
    }

    @Test
    void ofAWarpgroupSetTheirRegistersTogether() {
      TinyHopper late =
          TINY.without(Inst.SetMaxRegisters.class)
              .before(Inst.Elect.class, 0, new Inst.SetMaxRegisters(24, false));
      refused("not all warps of warpgroup 0 execute it", late);
    }
  }

  @Nested
  class Registers {
    @Test
    void areSetInEveryRole() {
      refused("warpgroup 0 has no setmaxnreg", TINY.without(Inst.SetMaxRegisters.class, 0));
      refused("warpgroup 1 has no setmaxnreg", TINY.without(Inst.SetMaxRegisters.class, 1));
    }

    @Test
    void areThere() {
      // Four warpgroups: 128 registers each at first.
      TinyHopper more = TINY.with(512, 1).replaced(Inst.SetMaxRegisters.class, 1, set(168, true));
      TinyHopper fits =
          more.replaced(Inst.SetMaxRegisters.class, 1, set(160, true))
              .replaced(Inst.SetMaxRegisters.class, 0, set(32, false));
      refused(
          "need 67584, but the CTA has 65536",
          more.replaced(Inst.SetMaxRegisters.class, 0, set(24, false)));
      accepted(fits);
      refused(
          "every thread starts with 128 registers, so 136 are not fewer",
          fits.replaced(Inst.SetMaxRegisters.class, 0, set(136, false)));
      refused(
          "every thread starts with 128 registers, so 120 are not more",
          fits.replaced(Inst.SetMaxRegisters.class, 1, set(120, true)));
    }

    @Test
    void startAsTheAssemblerGivesThem() {
      assertEquals(168, RegisterPool.entry(TINY.with(384, 1).build()));
      assertEquals(128, RegisterPool.entry(TINY.with(512, 1).build()));
      assertEquals(96, RegisterPool.entry(TINY.with(640, 1).build()));
      assertEquals(256, RegisterPool.entry(TINY.with(256, 1).build()));
      assertEquals(256, RegisterPool.entry(TINY.with(128, 1).build()));
    }

    @Test
    void areSetOnce() {
      refused(
          "may set its registers twice",
          TINY.before(Inst.LdMatrix.class, 0, new Inst.SetMaxRegisters(256, true)));
    }

    @Test
    void areSetBeforeProducts() {
      refused(
          "a path comes here without setmaxnreg",
          TINY.without(Inst.SetMaxRegisters.class, 1)
              .before(Inst.Pack.class, 0, new Inst.SetMaxRegisters(256, true)));
    }

    @Test
    void belongToOneCta() {
      refused("setmaxnreg asks for one CTA per SM, not 2", TINY.with(256, 2));
    }

    private static Inst set(int count, boolean increase) {
      return new Inst.SetMaxRegisters(count, increase);
    }
  }

  @Nested
  class NamedBarrier {
    @Test
    void isOneOfSixteen() {
      refused(
          "there are barriers 0 to 15, not 16",
          TINY.replaced(Inst.BarSyncSome.class, 0, new Inst.BarSyncSome(new IntConst(16), 128)));
      refused(
          "there are barriers 0 to 15, not 17",
          TINY.before(
              Inst.BarSyncSome.class,
              0,
              new Inst.Arith(IntOp.ADD, Ty.S32, b32(30), TinyHopper.GROUP, new IntConst(16)),
              new Inst.BarSyncSome(b32(30), 128)));
    }

    @Test
    void isForAsManyAsCome() {
      refused(
          "barrier 5 is for 64 threads, but 128 may come to it",
          TINY.replaced(
              Inst.BarSyncSome.class, 0, new Inst.BarSyncSome(TinyHopper.BARRIER_ID, 64)));
      refused(
          "barrier 0 is for 256 threads elsewhere",
          TINY.replaced(Inst.BarSyncSome.class, 0, new Inst.BarSyncSome(new IntConst(0), 128)));
      refused(
          "barrier 3 is for 256 threads, but 128 may come to it",
          TINY.replaced(Inst.BarSyncSome.class, 0, new Inst.BarSync(3)));
      accepted(
          TINY.replaced(Inst.BarSyncSome.class, 0, new Inst.BarSyncSome(new IntConst(3), 128)));
    }
  }

  @Nested
  class Barrier {
    @Test
    void isInitialisedWhereItIsUsed() {
      Address elsewhere = new Address(TinyHopper.BASE, 24592);
      refused(
          "no mbarrier is initialised at byte 24592",
          TINY.replaced(Inst.MbarrierArrive.class, 0, new Inst.MbarrierArrive(elsewhere)));
      refused("no mbarrier is initialised at byte 24584", TINY.without(Inst.MbarrierInit.class, 1));
      accepted(TINY.before(Inst.MbarrierArrive.class, 0, new Inst.MbarrierArrive(TinyHopper.FULL)));
    }

    @Test
    void isFencedAfterItsInitialisation() {
      refused("no fence.mbarrier_init", TINY.without(Inst.FenceMbarrierInit.class));
    }

    @Test
    void isShownToTheCta() {
      refused("no barrier of the CTA", TINY.without(Inst.BarSync.class));
    }

    @Test
    void isInitialisedBeforeOthersUseIt() {
      Address third = new Address(TinyHopper.BASE, 24592);
      refused(
          "initialised after threads may use it",
          TINY.before(Inst.MbarrierArrive.class, 0, new Inst.MbarrierInit(third, 1)));
      accepted(TINY.before(Inst.MbarrierInit.class, 0, new Inst.MbarrierInit(third, 1)));
    }

    @Test
    void isInitialisedOnce() {
      refused(
          "the mbarrier at byte 24576 is initialised twice",
          TINY.before(Inst.FenceMbarrierInit.class, 0, new Inst.MbarrierInit(TinyHopper.FULL, 2)));
    }

    @Test
    void liesInSharedMemory() {
      refused(
          "not those at 32764",
          TINY.before(
              Inst.MbarrierInit.class,
              0,
              new Inst.MbarrierInit(new Address(TinyHopper.BASE, 32764), 1)));
      refused(
          "not those at 32768",
          TINY.before(
              Inst.MbarrierInit.class,
              0,
              new Inst.MbarrierInit(new Address(TinyHopper.BASE, 32768), 1)));
      refused(
          "not a constant away",
          TINY.before(
              Inst.MbarrierInit.class, 0, new Inst.MbarrierInit(new Address(b32(1), 0), 1)));
    }
  }

  @Nested
  class Transaction {
    private static final Inst LOAD =
        new Inst.TmaLoad(
            new Address(TinyHopper.BASE, 0), TinyHopper.Q_MAP, TinyHopper.ORIGIN, TinyHopper.FULL);

    private static Inst expect(int bytes) {
      return new Inst.MbarrierExpect(TinyHopper.FULL, bytes);
    }

    @Test
    void hasTheBytesOfItsBoxes() {
      refused("still expects 16 bytes", TINY.replaced(Inst.MbarrierExpect.class, 0, expect(16400)));
      refused(
          "the box has 16384 bytes, but the barrier expects 16368",
          TINY.replaced(Inst.MbarrierExpect.class, 0, expect(16368)));
      refused("but the barrier expects 0", TINY.before(Inst.TmaLoad.class, 0, LOAD));
      accepted(
          TINY.replaced(Inst.MbarrierExpect.class, 0, expect(32768))
              .before(Inst.TmaLoad.class, 0, LOAD));
      refused("still expects 16384 bytes", TINY.without(Inst.TmaLoad.class));
    }

    /** A multiple of the bytes of a grouped map's box, which are a parameter. */
    @Test
    void hasTheBoxesOfAGroupedMap() {
      Reg map = new Reg(Reg.Kind.B64, 21);
      Inst address =
          new Inst.TensorMapAddress(
              map,
              new Parameter(
                  "g",
                  new Parameter.Role.TensorMap(Operand.Q, 128, 64, Parameter.Form.GROUPED),
                  Parameter.Type.TENSOR_MAP));
      Inst bytes =
          new Inst.LdParam(
              b32(22),
              new Parameter("box", new Parameter.Role.BoxBytes(Operand.Q), Parameter.Type.S32));
      Inst twice = new Inst.Arith(IntOp.MUL, Ty.S32, b32(23), b32(22), new IntConst(2));
      Inst expect = new Inst.MbarrierExpect(TinyHopper.FULL, b32(23));
      IntConst zero = new IntConst(0);
      Inst box =
          new Inst.TmaLoad(
              new Address(TinyHopper.BASE, 0),
              map,
              List.of(zero, zero, zero, zero, zero),
              TinyHopper.FULL);
      accepted(TINY.before(Inst.MbarrierExpect.class, 0, address, bytes, twice, expect, box, box));
      refused(
          "still expects 1 boxes of Q",
          TINY.before(Inst.MbarrierExpect.class, 0, address, bytes, twice, expect, box));
      refused(
          "the box has 16384 bytes, but the barrier expects 2 boxes of Q",
          TINY.before(Inst.MbarrierExpect.class, 0, address, bytes, twice, expect, LOAD));
      refused(
          "the box has 1 boxes of Q, but the barrier expects 16384 bytes",
          TINY.before(Inst.MbarrierExpect.class, 0, address, expect(16384), box));
      refused(
          "is no multiple of the bytes of a box",
          TINY.before(
              Inst.MbarrierExpect.class, 0, new Inst.MbarrierExpect(TinyHopper.FULL, b32(20))));
      refused(
          "is not a tensor map of rank 5",
          TINY.before(
              Inst.MbarrierExpect.class,
              0,
              expect(16384),
              new Inst.TmaLoad(
                  new Address(TinyHopper.BASE, 0),
                  TinyHopper.Q_MAP,
                  List.of(zero, zero, zero, zero, zero),
                  TinyHopper.FULL)));
    }

    @Test
    void isCompleteBeforeTheNext() {
      refused(
          "still expects 16384 bytes",
          TINY.before(Inst.TmaLoad.class, 0, expect(16384)).before(Inst.TmaLoad.class, 0, LOAD));
      accepted(TINY.before(Inst.MbarrierExpect.class, 0, expect(16384), LOAD));
    }

    @Test
    void isCompleteBeforeItsAddressChanges() {
      Reg moving = b32(21);
      Inst start = new Inst.Arith(IntOp.ADD, Ty.S32, moving, TinyHopper.BASE, new IntConst(24576));
      Inst step = new Inst.Arith(IntOp.ADD, Ty.S32, moving, moving, new IntConst(8));
      Address barrier = new Address(moving, 0);
      Inst load =
          new Inst.TmaLoad(
              new Address(TinyHopper.BASE, 0), TinyHopper.Q_MAP, TinyHopper.ORIGIN, barrier);
      Inst expect = new Inst.MbarrierExpect(barrier, 16384);
      accepted(TINY.before(Inst.MbarrierExpect.class, 0, start, expect, load, step));
      refused(
          "the barrier at [%r21] still expects 16384 bytes",
          TINY.before(Inst.MbarrierExpect.class, 0, start, expect, step, load));
    }

    @Test
    void isTheSameOnEveryPath() {
      TinyHopper either =
          TINY.before(
              Inst.TmaLoad.class,
              0,
              new Inst.SetP(CompareOp.EQ, Ty.S32, p(9), b32(20), new IntConst(3)),
              new Inst.Guarded(p(9), false, new Inst.Bra("less", true)),
              LOAD,
              new Inst.Label("less"));
      refused(
          "not the same on every path",
          either.replaced(Inst.MbarrierExpect.class, 0, expect(32768)));
    }

    @Test
    void isOfOneTensorMap() {
      refused(
          "is not the address of one tensor map",
          TINY.before(
              Inst.MbarrierExpect.class,
              0,
              new Inst.TensorMapAddress(TinyHopper.Q_MAP, TinyHopper.O)));
      refused(
          "is not the address of one tensor map",
          TINY.replaced(
              Inst.TmaStore.class,
              0,
              new Inst.TmaStore(TinyHopper.DESCRIPTOR, TinyHopper.ORIGIN, TinyHopper.OUT)));
    }
  }

  @Nested
  class Stores {
    private static final Inst STORE_MATRIX = new Inst.StMatrix(TinyHopper.OUT, List.of(b32(7)));

    @Test
    void areCommittedAndWaitedFor() {
      refused("with TMA stores not waited for", TINY.without(Inst.TmaStoreCommit.class));
      refused("with TMA stores not waited for", TINY.without(Inst.TmaStoreWait.class));
      refused(
          "with TMA stores not waited for",
          TINY.replaced(Inst.TmaStoreWait.class, 0, new Inst.TmaStoreWait(1, false)));
      accepted(TINY.replaced(Inst.TmaStoreWait.class, 0, new Inst.TmaStoreWait(0, false)));
    }

    @Test
    void mayBeWaitedForByTheSameLaneLater() {
      accepted(
          TINY.without(Inst.TmaStoreWait.class)
              .before(
                  Inst.MbarrierArrive.class,
                  0,
                  new Inst.Guarded(p(5), false, new Inst.TmaStoreWait(0, false))));
    }

    @Test
    void haveReadBeforeTheirBufferIsFilledAgain() {
      TinyHopper again = TINY.before(Inst.MbarrierArrive.class, 0, STORE_MATRIX);
      accepted(again);
      refused(
          "a TMA store may still be reading",
          again
              .without(Inst.TmaStoreWait.class)
              .before(
                  Inst.Ret.class,
                  1,
                  new Inst.Guarded(p(5), false, new Inst.TmaStoreWait(0, false))));
    }

    @Test
    void comeAfterAProxyFence() {
      refused(
          "no fence.proxy.async since this thread's stores",
          TINY.without(Inst.FenceProxyAsync.class));
      Inst store = new Inst.St(Inst.Space.SHARED, Inst.MemTy.B32, TinyHopper.OUT, List.of(b32(7)));
      refused(
          "no fence.proxy.async since this thread's stores",
          TINY.before(Inst.Elect.class, 1, store));
      accepted(TINY.before(Inst.FenceProxyAsync.class, 0, store));
    }

    @Test
    void comeAfterTheFencesOfOtherThreads() {
      // The elected lane fences its own stores, but no one else's.
      refused(
          "without a fence.proxy.async after its stores",
          TINY.without(Inst.FenceProxyAsync.class)
              .before(Inst.TmaStore.class, 0, new Inst.FenceProxyAsync()));
      accepted(
          TINY.without(Inst.FenceProxyAsync.class)
              .before(
                  Inst.Elect.class,
                  1,
                  new Inst.FenceProxyAsync(),
                  new Inst.BarSyncSome(TinyHopper.BARRIER_ID, 128)));
    }
  }
}
