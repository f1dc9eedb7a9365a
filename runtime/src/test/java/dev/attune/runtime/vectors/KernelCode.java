package dev.attune.runtime.vectors;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.Reg;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import dev.attune.ptx.select.Emitter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The code around an instruction: reads the input and writes the output front to back, a word of
 * every thread at a time.
 */
final class KernelCode {
  private static final Parameter IN =
      new Parameter("in", new Role.Pointer(Operand.Q), Parameter.Type.U64);
  private static final Parameter OUT =
      new Parameter("out", new Role.Pointer(Operand.O), Parameter.Type.U64);
  private static final int CHUNK = 16;

  private final int threads;
  private final int sharedBytes;
  private final Emitter emit = new Emitter();
  private final List<Parameter> parameters = new ArrayList<>(List.of(IN, OUT));
  private final Reg thread;
  private final Reg shared;
  private final Reg in;
  private final Reg out;
  private int read;
  private int written;

  /** Code of a CTA that needs no shared memory. */
  KernelCode(int threads) {
    this(threads, 0);
  }

  KernelCode(int threads, int sharedBytes) {
    this.threads = threads;
    this.sharedBytes = sharedBytes;
    this.thread = emit.fresh(Reg.Kind.B32);
    this.shared = emit.fresh(Reg.Kind.B32);
    this.in = emit.fresh(Reg.Kind.B64);
    this.out = emit.fresh(Reg.Kind.B64);
    emit.add(new Inst.ReadSpecial(thread, Inst.Special.TID_X));
    emit.add(new Inst.LdParam(in, IN));
    emit.add(new Inst.LdParam(out, OUT));
    if (sharedBytes > 0) {
      emit.add(new Inst.SharedBase(shared));
    }
  }

  Emitter emit() {
    return emit;
  }

  void add(Inst inst) {
    emit.add(inst);
  }

  Reg thread() {
    return thread;
  }

  /** The address of shared memory. */
  Reg shared() {
    return shared;
  }

  /** The address of the input. */
  Reg input() {
    return in;
  }

  /** The address of the output. */
  Reg output() {
    return out;
  }

  /** Registers nobody has. */
  List<Reg> fresh(Reg.Kind kind, int count) {
    List<Reg> regs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      regs.add(emit.fresh(kind));
    }
    return List.copyOf(regs);
  }

  /** This thread's words of the next words of the input. */
  List<Reg> next(Reg.Kind kind, int count) {
    List<Reg> regs = fresh(kind, count);
    Reg mine = emit.madWide(thread, new IntConst(4), in);
    MemTy type = kind == Reg.Kind.F32 ? MemTy.F32 : MemTy.B32;
    for (Reg reg : regs) {
      add(new Inst.Ld(Space.GLOBAL_CONST, type, List.of(reg), new Address(mine, read)));
      read += 4 * threads;
    }
    return regs;
  }

  /** This thread's next word of the input. */
  Reg next(Reg.Kind kind) {
    return next(kind, 1).getFirst();
  }

  /** Makes a value of every thread the next words of the output. */
  void store(Reg value) {
    Reg mine = emit.madWide(thread, new IntConst(4), out);
    MemTy type = value.kind() == Reg.Kind.F32 ? MemTy.F32 : MemTy.B32;
    add(new Inst.St(Space.GLOBAL, type, new Address(mine, written), List.of(value)));
    written += 4 * threads;
  }

  /** Copies the next bytes of the input to the start of shared memory. */
  void fill(int bytes) {
    Reg from = emit.madWide(thread, new IntConst(CHUNK), in);
    Reg to = (Reg) emit.mad(Ty.S32, thread, new IntConst(CHUNK), shared);
    for (int at = 0; at < wholeRounds(bytes); at += CHUNK * threads) {
      List<Reg> words = fresh(Reg.Kind.B32, 4);
      add(new Inst.Ld(Space.GLOBAL_CONST, MemTy.B32, words, new Address(from, read + at)));
      add(new Inst.St(Space.SHARED, MemTy.B32, new Address(to, at), words));
    }
    read += bytes;
  }

  /** Copies the start of shared memory to the next bytes of the output. */
  void dump(int bytes) {
    Reg from = (Reg) emit.mad(Ty.S32, thread, new IntConst(CHUNK), shared);
    Reg to = emit.madWide(thread, new IntConst(CHUNK), out);
    for (int at = 0; at < wholeRounds(bytes); at += CHUNK * threads) {
      List<Reg> words = fresh(Reg.Kind.B32, 4);
      add(new Inst.Ld(Space.SHARED, MemTy.B32, words, new Address(from, at)));
      add(new Inst.St(Space.GLOBAL, MemTy.B32, new Address(to, written + at), words));
    }
    written += bytes;
  }

  private int wholeRounds(int bytes) {
    if (bytes % (CHUNK * threads) != 0) {
      throw new IllegalArgumentException(bytes + " bytes are not 16 of each thread, repeated");
    }
    return bytes;
  }

  /** Code that only the first thread executes. */
  void once(Runnable body) {
    Reg other = emit.fresh(Reg.Kind.PRED);
    add(new Inst.SetP(CompareOp.NE, Ty.S32, other, thread, new IntConst(0)));
    String end = emit.label("once");
    add(new Inst.Guarded(other, false, new Inst.Bra(end, false)));
    emit.scope(body);
    add(new Inst.Label(end));
  }

  /** The address of the tensor map of Q or O, a parameter of the kernel from now on. */
  Reg map(Operand of, TensorBox box) {
    Parameter parameter =
        new Parameter(
            "map", new Role.TensorMap(of, box.boxRows(), box.columns()), Parameter.Type.TENSOR_MAP);
    parameters.addFirst(parameter);
    Reg address = emit.fresh(Reg.Kind.B64);
    add(new Inst.TensorMapAddress(address, parameter));
    return address;
  }

  /** A predicate as 0 or 1. */
  Reg bit(Reg predicate) {
    return emit.select(Reg.Kind.B32, predicate, new IntConst(1), new IntConst(0));
  }

  /** A shift to the right by a constant. */
  Reg high(Reg value, int shift) {
    return (Reg) emit.arith(IntOp.SHR, Ty.S64, value, new IntConst(shift));
  }

  /** The kernel of the code so far. */
  PtxKernel kernel(String name) {
    add(new Inst.Ret());
    return new PtxKernel(
        name.replace('.', '_'),
        Target.SM_90A,
        parameters,
        threads,
        1,
        sharedBytes,
        List.of(),
        emit.code());
  }

  /** The case of the code so far, whose output is all that was stored. */
  GoldenCase golden(String name, byte[] input, Agreement agreement) {
    if (input.length != read) {
      throw new IllegalArgumentException(
          "%s reads %d bytes, found %d".formatted(name, read, input.length));
    }
    return new GoldenCase(name, kernel(name), Optional.empty(), input, written, agreement);
  }

  /** The case of the code so far with a tensor map. */
  GoldenCase golden(String name, TensorBox box, byte[] input, int outputBytes) {
    return new GoldenCase(name, kernel(name), Optional.of(box), input, outputBytes, Agreement.BITS);
  }
}
