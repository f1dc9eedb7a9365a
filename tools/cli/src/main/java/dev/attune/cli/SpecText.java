package dev.attune.cli;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import java.util.Locale;
import java.util.stream.Collectors;

/** The meaning of a spec as text: every name resolved, every definition expanded. */
final class SpecText {
  private final StringBuilder out = new StringBuilder();

  private SpecText() {}

  /** The whole spec, each line ended by a newline. */
  static String print(AttentionSpec spec) {
    SpecText text = new SpecText();
    text.out.append("attention ").append(spec.name()).append("  // ").append(spec.origin());
    text.out.append('\n');
    spec.params().forEach(text::param);
    spec.tensors().forEach(text::tensor);
    text.clause("score", spec.score());
    text.clause("mask", spec.mask());
    switch (spec.normalization()) {
      case Normalization.Softmax softmax -> softmax.sink().ifPresent(s -> text.clause("sink", s));
      case Normalization.Weight weight -> text.clause("weight", weight.weight());
    }
    if (!spec.outputs().isEmpty()) {
      text.line(
          "output",
          spec.outputs().stream()
              .sorted()
              .map(Output::name)
              .map(n -> n.toLowerCase(Locale.ROOT))
              .collect(Collectors.joining(", ")));
    }
    text.line("dtype", spec.dtype().map(Dtype::keyword).orElse("any"));
    text.line("head_dim", spec.headDim().map(HeadDim::toString).orElse("any"));
    return text.out.toString();
  }

  private void param(ParamDecl p) {
    line(
        "param",
        p.name()
            + " : "
            + p.type().keyword()
            + " = "
            + Exprs.print(p.defaultValue())
            + p.condition().map(c -> " where " + Exprs.print(c.expr())).orElse(""));
  }

  private void tensor(TensorDecl t) {
    String shape = t.shape().stream().map(Exprs::print).collect(Collectors.joining(", ", "[", "]"));
    String facts =
        (t.nondecreasing() ? " nondecreasing" : "")
            + t.range()
                .map(r -> " in " + Facts.text(r.low()) + ".." + Facts.text(r.high()))
                .orElse("");
    line(
        "tensor",
        t.name()
            + " : "
            + t.type().keyword()
            + shape
            + (facts.isEmpty() ? "" : " where" + facts)
            + (t.differentiable() ? " differentiable" : ""));
  }

  private void clause(String name, Clause clause) {
    line(
        name,
        Exprs.print(clause.expr())
            + (clause.origin().line() > 0 ? "  // " + clause.origin() : "  // by default"));
  }

  private void line(String label, String text) {
    out.append("  ").append(label).append(" ".repeat(9 - label.length())).append(text);
    out.append('\n');
  }
}
