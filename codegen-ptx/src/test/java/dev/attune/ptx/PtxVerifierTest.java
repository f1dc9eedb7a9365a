package dev.attune.ptx;

import static dev.attune.ptx.InstructionSamples.b32;
import static dev.attune.ptx.InstructionSamples.b64;
import static dev.attune.ptx.InstructionSamples.p;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The rules of every target: kernels that break them, and those that do not. */
class PtxVerifierTest {
  private static final Inst RET = new Inst.Ret();
  private static final Inst ZERO = new Inst.Mov(b32(0), new IntConst(0));
  private static final Inst USE = new Inst.Mov(b32(1), b32(0));
  private static final Inst READ = new Inst.ReadSpecial(b32(9), Inst.Special.CTAID_X);
  private static final Inst ODD =
      new Inst.SetP(CompareOp.EQ, Ty.S32, p(0), b32(9), new IntConst(1));

  private static PtxKernel kernel(int threads, int sharedBytes, Inst... body) {
    return new PtxKernel(
        "k", Target.SM_80, List.of(), threads, 1, sharedBytes, List.of(), List.of(body));
  }

  private static void accepted(Inst... body) {
    PtxVerifier.verify(kernel(128, 1024, body));
  }

  private static void refused(String rule, Inst... body) {
    refused(rule, kernel(128, 1024, body));
  }

  private static void refused(String rule, PtxKernel kernel) {
    String message =
        String.valueOf(
            assertThrows(InvalidPtxException.class, () -> PtxVerifier.verify(kernel)).getMessage());
    assertTrue(message.contains(rule), message);
  }

  private static Inst guarded(Inst inst) {
    return new Inst.Guarded(p(0), false, inst);
  }

  private static Inst jump(String label) {
    return guarded(new Inst.Bra(label, true));
  }

  @Test
  void limits() {
    accepted(RET);
    refused("needs 167000 bytes of shared memory", kernel(128, 167_000, RET));
    refused("100 threads are not", kernel(100, 0, RET));
    refused("1056 threads are not", kernel(1056, 0, RET));
    refused("k has no code", kernel(32, 0));
    Parameter scale = new Parameter("x", new Role.Scale(), Parameter.Type.F32);
    refused(
        "two parameters are named x",
        new PtxKernel("k", Target.SM_80, List.of(scale, scale), 32, 1, 0, List.of(), List.of(RET)));
    refused(
        "not a PTX identifier: p_a b",
        new PtxKernel(
            "k",
            Target.SM_80,
            List.of(new Parameter("a b", new Role.Pointer(Operand.Q), Parameter.Type.U64)),
            32,
            1,
            0,
            List.of(),
            List.of(RET)));
  }

  @Test
  void labels() {
    refused("the label is not defined", new Inst.Bra("x", true), RET);
    refused("the label is defined twice", new Inst.Label("x"), new Inst.Label("x"), RET);
    refused("the code ends without ret", ZERO);
    refused("the code ends without ret", READ, ODD, jump("x"), new Inst.Label("x"));
    accepted(READ, ODD, jump("x"), RET, new Inst.Label("x"), RET);
    accepted(new Inst.Label("x"), new Inst.Bra("x", true));
  }

  @Test
  void definitions() {
    refused("%r0 is read before it is written", USE, RET);
    accepted(ZERO, USE, RET);
    Inst end = new Inst.Label("x");
    refused("%r0 is read before it is written", READ, ODD, jump("x"), ZERO, end, USE, RET);
    accepted(READ, ODD, ZERO, jump("x"), ZERO, end, USE, RET);
    // In the second turn of the loop it is written, in the first not.
    refused("%r0 is read", READ, new Inst.Label("x"), USE, ZERO, ODD, jump("x"), RET);
  }

  @Test
  void definitionsUnderAGuard() {
    refused("%r0 is read before it is written", READ, ODD, guarded(ZERO), USE, RET);
    accepted(READ, ODD, guarded(ZERO), guarded(USE), RET);
    accepted(READ, ODD, ZERO, guarded(ZERO), USE, RET);
    refused("%r0 is read", READ, ODD, guarded(ZERO), new Inst.Guarded(p(0), true, USE), RET);
    refused("%r0 is read", READ, ODD, guarded(ZERO), ODD, guarded(USE), RET);
  }

  @Test
  void threadsDecideWhichPathsThereAre() {
    Inst thread = new Inst.ReadSpecial(b32(2), Inst.Special.TID_X);
    Inst warp = new Inst.Arith(IntOp.SHR, Ty.U32, b32(3), b32(2), new IntConst(5));
    Inst second = new Inst.SetP(CompareOp.EQ, Ty.S32, p(0), b32(3), new IntConst(1));
    Inst notSecond = new Inst.PredNot(p(1), p(0));
    Inst end = new Inst.Label("x");
    // Only warp 1 writes, and only it reads.
    accepted(
        thread,
        warp,
        second,
        notSecond,
        new Inst.Guarded(p(1), false, new Inst.Bra("x", true)),
        ZERO,
        end,
        new Inst.Guarded(p(1), false, new Inst.Bra("y", true)),
        USE,
        new Inst.Label("y"),
        RET);
    Inst third = new Inst.SetP(CompareOp.EQ, Ty.S32, p(2), b32(3), new IntConst(2));
    refused(
        "%r0 is read",
        thread,
        warp,
        second,
        third,
        new Inst.Guarded(p(0), true, new Inst.Bra("x", true)),
        ZERO,
        end,
        new Inst.Guarded(p(2), true, new Inst.Bra("y", true)),
        USE,
        new Inst.Label("y"),
        RET);
  }

  @Test
  void guards() {
    refused("a barrier must be reached", READ, ODD, guarded(new Inst.BarSync(0)), RET);
    refused("a shuffle must be", READ, ODD, guarded(new Inst.ShflBfly(b32(9), b32(9), 1)), RET);
    refused("a vote must be", READ, ODD, guarded(new Inst.VoteAny(p(1), p(0))), RET);
    Inst apart = guarded(new Inst.Bra("x", false));
    refused(
        "but lanes part at instruction 2",
        READ,
        ODD,
        apart,
        new Inst.BarSync(0),
        new Inst.Label("x"),
        RET);
    accepted(READ, ODD, jump("x"), new Inst.BarSync(0), new Inst.Label("x"), RET);
  }

  @Test
  void copies() {
    Inst shared = new Inst.SharedBase(b32(0));
    Inst global = new Inst.Mov(b64(0), new IntConst(0));
    Inst copy = new Inst.CpAsync(new Address(b32(0), 0), new Address(b64(0), 0), Optional.empty());
    Inst commit = new Inst.CpAsyncCommit();
    String rule = "cp.async copies not waited for";
    refused(rule, shared, global, copy, RET);
    refused(rule, shared, global, copy, commit, RET);
    refused(rule, shared, global, copy, commit, new Inst.CpAsyncWait(1), RET);
    refused(rule, shared, global, copy, new Inst.CpAsyncWait(0), RET);
    refused(rule, shared, global, copy, commit, copy, new Inst.CpAsyncWait(0), RET);
    accepted(shared, global, copy, commit, new Inst.CpAsyncWait(0), RET);
  }
}
