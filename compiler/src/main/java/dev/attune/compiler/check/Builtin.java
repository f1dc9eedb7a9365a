package dev.attune.compiler.check;

import dev.attune.compiler.spec.UnaryOp;
import java.util.Locale;
import java.util.Optional;

/** The functions that are not themselves written in the language. */
enum Builtin {
  MIN(2),
  MAX(2),
  CLAMP(3),
  ABS(1),
  EXP(UnaryOp.EXP),
  EXP2(UnaryOp.EXP2),
  LOG(UnaryOp.LOG),
  LOG2(UnaryOp.LOG2),
  SQRT(UnaryOp.SQRT),
  RSQRT(UnaryOp.RSQRT),
  TANH(UnaryOp.TANH),
  FAST_TANH(UnaryOp.FAST_TANH),
  ERF(UnaryOp.ERF),
  SIN(UnaryOp.SIN),
  COS(UnaryOp.COS),
  POW(2),
  INT(1),
  FLOAT(1);

  private final int arity;
  private final Optional<UnaryOp> real;

  Builtin(int arity) {
    this.arity = arity;
    this.real = Optional.empty();
  }

  Builtin(UnaryOp real) {
    this.arity = 1;
    this.real = Optional.of(real);
  }

  /** The name in a file. */
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** How many arguments it takes. */
  int arity() {
    return arity;
  }

  /** The operation, for functions from a float to a float. */
  Optional<UnaryOp> real() {
    return real;
  }
}
