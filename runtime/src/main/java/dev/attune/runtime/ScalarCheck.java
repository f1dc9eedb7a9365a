package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Nearest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The scalars of a launch: the scale and the declared parameters. */
final class ScalarCheck {
  private ScalarCheck() {}

  /** The scale of a launch: as given, or 1/√Dqk. */
  static double scale(Arguments arguments, Shape shape) {
    double scale = arguments.scale().orElse(1 / Math.sqrt(shape.headDim().qk()));
    if (!Double.isFinite(scale) || !((float) scale > 0) || Float.isInfinite((float) scale)) {
      throw new LaunchException(
          "scale is %s, expected a finite number greater than 0 in float32".formatted(scale));
    }
    return scale;
  }

  /** Every declared parameter's value, in the order of declaration. */
  static Map<String, Double> params(AttentionSpec spec, Arguments arguments, Shape shape) {
    Set<String> given = arguments.params().keySet();
    for (String name : given.stream().sorted().toList()) {
      if (spec.param(name).isEmpty()) {
        throw undeclared(
            spec, "parameter", name, spec.params().stream().map(ParamDecl::name).toList());
      }
    }
    Map<String, Double> values = new LinkedHashMap<>();
    for (ParamDecl param : spec.params()) {
      Double value = arguments.params().get(param.name());
      values.put(
          param.name(), value == null ? defaultOf(param, shape) : admitted(param, value, shape));
    }
    return values;
  }

  /** What is said of a name that a spec does not declare. */
  static LaunchException undeclared(
      AttentionSpec spec, String kind, String name, List<String> declared) {
    return new LaunchException(
        "'%s' declares no %s '%s'; %s"
            .formatted(
                spec.name(),
                kind,
                name,
                Nearest.to(name, declared)
                    .map("did you mean '%s'?"::formatted)
                    .orElseGet(
                        () ->
                            declared.isEmpty()
                                ? "it declares none"
                                : "it declares " + String.join(", ", declared))));
  }

  private static double defaultOf(ParamDecl param, Shape shape) {
    Eval eval = new Eval(new Bindings(shape, 1, Map.of(), Map.of()));
    return switch (param.type()) {
      case INT -> eval.integer(param.defaultValue());
      case FLOAT -> eval.real(param.defaultValue());
      case BOOL -> eval.bool(param.defaultValue()) ? 1 : 0;
    };
  }

  private static double admitted(ParamDecl param, double value, Shape shape) {
    switch (param.type()) {
      case INT -> {
        if (value != Math.rint(value) || Math.abs(value) > ParamDecl.INT_LIMIT) {
          throw bad(param, value, "an integer from -2^30 to 2^30");
        }
      }
      case FLOAT -> {
        boolean vanishes = value != 0 && (float) value == 0;
        if (!Double.isFinite(value) || Float.isInfinite((float) value) || vanishes) {
          throw bad(param, value, "a finite float32");
        }
      }
      case BOOL -> {
        if (value != 0 && value != 1) {
          throw bad(param, value, "0 or 1");
        }
      }
    }
    ParamDecl.Range range = param.range();
    if (value < range.low() || value > range.high()) {
      throw bad(param, value, describe(param, range));
    }
    Bindings bindings = new Bindings(shape, 1, Map.of(param.name(), value), Map.of());
    if (param.condition().isPresent() && !new Eval(bindings).bool(param.condition().get().expr())) {
      throw bad(param, value, "what " + param.condition().get().origin() + " admits");
    }
    return value;
  }

  private static String describe(ParamDecl param, ParamDecl.Range range) {
    return Double.isInfinite(range.high())
        ? "at least " + number(param, range.low())
        : Double.isInfinite(range.low())
            ? "at most " + number(param, range.high())
            : "a value from %s to %s"
                .formatted(number(param, range.low()), number(param, range.high()));
  }

  private static LaunchException bad(ParamDecl param, double value, String expected) {
    return new LaunchException(
        "parameter %s is %s, expected %s".formatted(param.name(), number(param, value), expected));
  }

  private static String number(ParamDecl param, double value) {
    return switch (param.type()) {
      case FLOAT -> Double.toString(value);
      case INT, BOOL ->
          value == Math.rint(value) && Math.abs(value) < 1L << 53
              ? Long.toString((long) value)
              : Double.toString(value);
    };
  }
}
