package dev.attune.runtime.vectors;

import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.Reg;
import java.util.List;
import java.util.Optional;

/** A function of one argument at consecutive bit patterns, a thread each. */
final class Sweep {
  private static final int THREADS = 256;

  private Sweep() {}

  /**
   * The errors of a function on a machine.
   *
   * @param first the first argument, as bits
   * @param count arguments, a multiple of {@code chunk}
   * @param chunk arguments of one launch, a multiple of 256
   */
  static Errors errors(Machine machine, FloatUnary op, long first, long count, int chunk) {
    PtxKernel kernel = kernel(op);
    Approximation function = Approximation.of(op);
    Errors all = Errors.NONE;
    for (long at = first; at < first + count; at += chunk) {
      byte[] input = Values.bytes((int) at);
      byte[] results = machine.run(kernel, chunk / THREADS, Optional.empty(), input, 4 * chunk);
      all = all.and(Errors.of(function, (int) at, results));
    }
    return all;
  }

  private static PtxKernel kernel(FloatUnary op) {
    KernelCode code = new KernelCode(THREADS);
    var emit = code.emit();
    Reg first = emit.loadConst(MemTy.B32, new Address(code.input(), 0));
    Reg cta = emit.fresh(Reg.Kind.B32);
    code.add(new Inst.ReadSpecial(cta, Inst.Special.CTAID_X));
    var index = emit.mad(Ty.S32, cta, new IntConst(THREADS), code.thread());
    Reg bits = (Reg) emit.arith(IntOp.ADD, Ty.S32, first, index);
    Reg argument = emit.fresh(Reg.Kind.F32);
    code.add(new Inst.Bits(argument, bits));
    Reg result = emit.fresh(Reg.Kind.F32);
    code.add(new Inst.FloatUn(op, result, argument));
    Address to = new Address(emit.madWide(index, new IntConst(4), code.output()), 0);
    code.add(new Inst.St(Space.GLOBAL, MemTy.F32, to, List.of(result)));
    return code.kernel("sweep");
  }
}
