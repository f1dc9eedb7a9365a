package dev.attune.cli;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Nearest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The values of a spec's params: defaults, and what the command line says instead. */
final class Params {
  private Params() {}

  /**
   * Every param's value, bools as 0 and 1, floats as float32 has them.
   *
   * @throws CliException naming the param that is unknown or has a value it may not have
   */
  static Map<String, Double> values(AttentionSpec spec, Shape shape, Map<String, String> given) {
    List<String> known = spec.params().stream().map(ParamDecl::name).toList();
    for (String name : given.keySet()) {
      if (!known.contains(name)) {
        throw new CliException(unknown(spec, "param", name, known));
      }
    }
    Map<String, Double> values = new LinkedHashMap<>();
    for (ParamDecl param : spec.params()) {
      String text = given.get(param.name());
      values.put(
          param.name(), text == null ? literal(param.defaultValue()) : admit(param, shape, text));
    }
    return values;
  }

  /** What is wrong with a name that a spec does not declare. */
  static String unknown(AttentionSpec spec, String what, String name, List<String> known) {
    String near =
        Nearest.to(name, known)
            .map("; did you mean %s?"::formatted)
            .orElse(known.isEmpty() ? "" : "; it declares " + String.join(", ", known));
    return "%s declares no %s '%s'%s".formatted(spec.name(), what, name, near);
  }

  private static double literal(Expr value) {
    return switch (value) {
      case Expr.IntConst(long i) -> i;
      case Expr.FloatConst(double f) -> (float) f;
      case Expr.BoolConst(boolean b) -> b ? 1 : 0;
      default -> throw new IllegalStateException("a default of " + Exprs.print(value));
    };
  }

  private static double admit(ParamDecl param, Shape shape, String text) {
    double value =
        parse(param, text)
            .orElseThrow(
                () ->
                    new CliException(
                        "param %s is '%s', expected %s"
                            .formatted(param.name(), text, kind(param))));
    Bindings bindings = new Bindings(shape, 1, Map.of(param.name(), value), Map.of());
    param
        .condition()
        .filter(c -> !new Eval(bindings).bool(c.expr()))
        .ifPresent(
            c -> {
              throw new CliException(
                  "param %s is %s, but %s says where %s"
                      .formatted(param.name(), text, c.origin(), Exprs.print(c.expr())));
            });
    return value;
  }

  private static Optional<Double> parse(ParamDecl param, String text) {
    try {
      return switch (param.type()) {
        case INT -> {
          long value = Long.parseLong(text);
          yield Math.abs(value) > ParamDecl.INT_LIMIT
              ? Optional.empty()
              : Optional.of((double) value);
        }
        case FLOAT -> {
          float value = (float) Double.parseDouble(text);
          yield Float.isFinite(value) ? Optional.of((double) value) : Optional.empty();
        }
        case BOOL ->
            switch (text) {
              case "true" -> Optional.of(1.0);
              case "false" -> Optional.of(0.0);
              default -> Optional.empty();
            };
      };
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static String kind(ParamDecl param) {
    return switch (param.type()) {
      case INT -> "an int from -2^30 to 2^30";
      case FLOAT -> "a finite float";
      case BOOL -> "true or false";
    };
  }
}
