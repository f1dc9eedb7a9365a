package dev.attune.ptx.select;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.FloatUnary;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Appends instructions, giving registers out. Pure computations go through {@link #pure}, which
 * reuses a register that already holds the value: within a {@link #scope}, and from those around
 * it.
 */
public final class Emitter {
  private final List<Inst> code = new ArrayList<>();
  private final Map<Reg.Kind, Integer> next = new EnumMap<>(Reg.Kind.class);
  private Numbering numbering = new Numbering(null);
  private int labels;

  /** The instructions so far. */
  public List<Inst> code() {
    return List.copyOf(code);
  }

  /** A register nobody has. */
  public Reg fresh(Reg.Kind kind) {
    return new Reg(kind, next.merge(kind, 1, Integer::sum) - 1);
  }

  /** A label nobody has. */
  public String label(String stem) {
    return "L" + labels++ + "_" + stem;
  }

  /** Appends an instruction. */
  public void add(Inst inst) {
    code.add(inst);
  }

  /** Puts an instruction before one that is there. */
  public void insert(int at, Inst inst) {
    code.add(at, inst);
  }

  /** Marks the tile operation that the following code belongs to. */
  public void operation(String text) {
    code.add(new Inst.Comment(text, true));
  }

  /**
   * Runs {@code body} so that values computed in it are not reused after it: for code that does not
   * dominate what follows.
   */
  public void scope(Runnable body) {
    scoped(
        () -> {
          body.run();
          return true;
        });
  }

  /** As {@link #scope}, with a result. */
  <T> T scoped(Supplier<T> body) {
    Numbering outer = numbering;
    numbering = new Numbering(outer);
    try {
      return body.get();
    } finally {
      numbering = outer;
    }
  }

  /**
   * Stops reusing the predicates of the current scope. A thread has seven; what would keep more of
   * them alive between elements costs more than comparing again.
   */
  public void forgetPredicates() {
    numbering.forget(Reg.Kind.PRED);
  }

  /**
   * The register of a computation: {@code make} says which instruction writes the given register.
   */
  Reg pure(Numbering.Key key, Reg.Kind kind, java.util.function.Function<Reg, Inst> make) {
    Reg known = numbering.find(key);
    if (known != null) {
      return known;
    }
    Reg dst = fresh(kind);
    add(make.apply(dst));
    numbering.put(key, dst);
    return dst;
  }

  /** A register that holds the operand. */
  public Reg reg(Operand operand, Reg.Kind kind) {
    return operand instanceof Reg r
        ? r
        : pure(Numbering.key("const", operand, kind), kind, d -> new Inst.Mov(d, operand));
  }

  /** An integer operation. */
  public Operand arith(IntOp op, Ty type, Operand a, Operand b) {
    if (a instanceof Operand.IntConst(long x) && b instanceof Operand.IntConst(long y)) {
      return new Operand.IntConst(Constants.fold(op, type, x, y));
    }
    if (b instanceof Operand.IntConst(long y)) {
      boolean identity =
          switch (op) {
            case ADD, SUB, SHL, SHR, OR, XOR -> y == 0;
            case MUL, DIV -> y == 1;
            case REM, MIN, MAX, AND -> false;
          };
      if (identity) {
        return a;
      }
    }
    Reg left = reg(a, type.kind());
    return pure(
        Numbering.key(op, type, left, b), type.kind(), d -> new Inst.Arith(op, type, d, left, b));
  }

  /** {@code a·b + c} of 32-bit factors, in 64 bits. */
  public Reg madWide(Operand a, Operand b, Operand c) {
    Reg left = reg(a, Reg.Kind.B32);
    Reg sum = reg(c, Reg.Kind.B64);
    return pure(
        Numbering.key("mad.wide", left, b, sum),
        Reg.Kind.B64,
        d -> new Inst.MadWide(d, left, b, sum));
  }

  /** {@code a·b + c}, low half. */
  public Operand mad(Ty type, Operand a, Operand b, Operand c) {
    if (c instanceof Operand.IntConst(long z) && z == 0) {
      return arith(IntOp.MUL, type, a, b);
    }
    Reg left = reg(a, type.kind());
    return pure(
        Numbering.key("mad", type, left, b, c),
        type.kind(),
        d -> new Inst.Mad(type, d, left, b, c));
  }

  /** An operation of two floats. */
  public Operand floats(FloatOp op, Operand a, Operand b) {
    if (a instanceof Operand.FloatConst(float x) && b instanceof Operand.FloatConst(float y)) {
      return new Operand.FloatConst(Constants.fold(op, x, y));
    }
    if (op == FloatOp.MUL && b instanceof Operand.FloatConst(float y) && y == 1) {
      return a;
    }
    if (op == FloatOp.MUL && a instanceof Operand.FloatConst(float x) && x == 1) {
      return b;
    }
    Reg left = reg(a, Reg.Kind.F32);
    return pure(Numbering.key(op, left, b), Reg.Kind.F32, d -> new Inst.FloatArith(op, d, left, b));
  }

  /** {@code a·b + c}, rounded once. */
  public Operand fma(Operand a, Operand b, Operand c) {
    if (a instanceof Operand.FloatConst && b instanceof Operand.FloatConst) {
      return floats(FloatOp.ADD, c, floats(FloatOp.MUL, a, b));
    }
    Reg left = reg(a, Reg.Kind.F32);
    return pure(Numbering.key("fma", left, b, c), Reg.Kind.F32, d -> new Inst.Fma(d, left, b, c));
  }

  /** An operation of one float. */
  public Operand floatUnary(FloatUnary op, Operand a) {
    if (op == FloatUnary.NEG && a instanceof Operand.FloatConst(float x)) {
      return new Operand.FloatConst(-x);
    }
    Reg x = reg(a, Reg.Kind.F32);
    return pure(Numbering.key(op, x), Reg.Kind.F32, d -> new Inst.FloatUn(op, d, x));
  }

  /** A conversion. */
  public Reg convert(Inst.Conversion conversion, Operand a) {
    Reg x = reg(a, conversion.from());
    return pure(
        Numbering.key(conversion, x), conversion.to(), d -> new Inst.Convert(conversion, d, x));
  }

  /** A comparison. */
  public Reg compare(CompareOp op, Ty type, Operand a, Operand b) {
    Reg left = reg(a, type.kind());
    return pure(
        Numbering.key(op, type, left, b), Reg.Kind.PRED, d -> new Inst.SetP(op, type, d, left, b));
  }

  /** Logic on two predicates. */
  public Reg logic(Inst.PredOp op, Reg a, Reg b) {
    return pure(Numbering.key(op, a, b), Reg.Kind.PRED, d -> new Inst.Pred(op, d, a, b));
  }

  /** The negation of a predicate. */
  public Reg not(Reg a) {
    return pure(Numbering.key("not", a), Reg.Kind.PRED, d -> new Inst.PredNot(d, a));
  }

  /** {@code p ? a : b}. */
  public Reg select(Reg.Kind kind, Reg p, Operand a, Operand b) {
    return pure(Numbering.key("selp", kind, p, a, b), kind, d -> new Inst.SelP(d, a, b, p));
  }

  /** A load of read-only memory where the guard holds; 0 elsewhere. */
  public Reg loadConstIf(Reg guard, Inst.MemTy type, Inst.Address from) {
    Reg known = loadedIf(guard, type, from);
    if (known != null) {
      return known;
    }
    Reg dst = fresh(type.kind());
    boolean real = type.kind() == Reg.Kind.F32;
    add(new Inst.Mov(dst, real ? new Operand.FloatConst(0) : new Operand.IntConst(0)));
    Inst load = new Inst.Ld(Inst.Space.GLOBAL_CONST, type, List.of(dst), from);
    add(new Inst.Guarded(guard, false, load));
    numbering.put(guardedLoad(guard, type, from), dst);
    return dst;
  }

  /** What {@link #loadConstIf} has loaded; null where it has not. */
  @Nullable Reg loadedIf(Reg guard, Inst.MemTy type, Inst.Address from) {
    return numbering.find(guardedLoad(guard, type, from));
  }

  private static Numbering.Key guardedLoad(Reg guard, Inst.MemTy type, Inst.Address from) {
    return Numbering.key("ld.nc.if", guard, type, from.base(), from.offset());
  }

  /** A load of read-only memory. */
  public Reg loadConst(Inst.MemTy type, Inst.Address from) {
    return pure(
        Numbering.key("ld.nc", type, from.base(), from.offset()),
        type.kind(),
        d -> new Inst.Ld(Inst.Space.GLOBAL_CONST, type, List.of(d), from));
  }
}
