package dev.attune.compiler.random;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A spec as the text of a {@code .attn} file. */
public final class SpecText {
  private SpecText() {}

  /** The file, ended by a newline. */
  public static String print(AttentionSpec spec) {
    List<String> lines = new ArrayList<>();
    spec.params().forEach(p -> lines.add(param(p)));
    spec.tensors().forEach(t -> lines.add(tensor(t)));
    switch (spec.normalization()) {
      case Normalization.Softmax softmax -> {
        lines.add("score = " + Exprs.print(spec.score().expr()));
        softmax.sink().ifPresent(s -> lines.add("sink = " + Exprs.print(s.expr())));
      }
      case Normalization.Weight weight ->
          lines.add("weight = " + Exprs.print(weight.weight().expr()));
    }
    lines.add("mask = " + Exprs.print(spec.mask().expr()));
    if (!spec.outputs().isEmpty()) {
      lines.add(
          "output "
              + spec.outputs().stream()
                  .sorted()
                  .map(o -> o.name().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", ")));
    }
    return lines.stream()
        .map(line -> "  " + line + "\n")
        .collect(Collectors.joining("", "attention " + spec.name() + " {\n", "}\n"));
  }

  private static String param(ParamDecl p) {
    return "param %s : %s = %s%s"
        .formatted(
            p.name(),
            p.type().keyword(),
            Exprs.print(p.defaultValue()),
            p.condition().map(c -> " where " + Exprs.print(c.expr())).orElse(""));
  }

  private static String tensor(TensorDecl t) {
    List<String> facts = new ArrayList<>();
    if (t.nondecreasing()) {
      facts.add("nondecreasing");
    }
    t.range()
        .ifPresent(
            r ->
                facts.add(
                    t.type() == ScalarType.INT
                        ? "in %d..%d".formatted((long) r.low(), (long) r.high())
                        : "in " + r.low() + ".." + r.high()));
    return "tensor %s : %s[%s]%s"
        .formatted(
            t.name(),
            t.type().keyword(),
            t.shape().stream().map(Exprs::print).collect(Collectors.joining(", ")),
            facts.isEmpty() ? "" : " where " + String.join(" and ", facts));
  }
}
