package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.UnaryOp;
import dev.attune.dsl.syntax.TypeName;

/** The types of the language: the only implicit change is from int to float. */
final class Types {
  private Types() {}

  /** The type that a type's name means. */
  static ScalarType of(TypeName name) {
    return switch (name.kind()) {
      case INT -> ScalarType.INT;
      case FLOAT -> ScalarType.FLOAT;
      case BOOL -> ScalarType.BOOL;
    };
  }

  /** The type with its article. */
  static String a(ScalarType type) {
    return type == ScalarType.INT ? "an int" : "a " + type.keyword();
  }

  /** The expression as a float, if it is a number. */
  static Expr toFloat(Expr e) {
    if (e.type() != ScalarType.INT) {
      return e;
    }
    return e instanceof IntConst(long value)
        ? new FloatConst((double) value)
        : new Expr.Unary(UnaryOp.TO_FLOAT, e);
  }
}
