package dev.attune.cli;

import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Member;
import dev.attune.dsl.syntax.Module;
import dev.attune.dsl.syntax.Name;
import dev.attune.dsl.syntax.TypeName;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** A syntax tree as text: one node a line, indented, each with its line and column. */
final class SyntaxText {
  private final StringBuilder out = new StringBuilder();

  private SyntaxText() {}

  /** The whole tree, each line ended by a newline. */
  static String print(Module module) {
    SyntaxText text = new SyntaxText();
    module.items().forEach(item -> text.item(item, 0));
    return text.out.toString();
  }

  private void item(Item item, int depth) {
    switch (item) {
      case Item.Import i -> line(depth, "import " + i.name().text(), i.span());
      case Item.Const i -> {
        line(depth, "const " + i.name().text() + type(i.type()), i.span());
        expression(i.value(), depth + 1);
      }
      case Item.Let i -> {
        line(depth, "let " + i.name().text(), i.span());
        expression(i.value(), depth + 1);
      }
      case Item.Def i -> {
        String formals =
            i.formals().stream()
                .map(f -> f.name().text() + ": " + keyword(f.type()))
                .collect(Collectors.joining(", ", "(", ")"));
        line(depth, "def " + i.name().text() + formals + type(i.result()), i.span());
        expression(i.body(), depth + 1);
      }
      case Item.Attention i -> {
        line(depth, "attention " + i.name().text(), i.span());
        i.members().forEach(m -> member(m, depth + 1));
      }
      case Item.Broken i ->
          line(depth, "unreadable" + i.name().map(n -> " " + n.text()).orElse(""), i.span());
    }
  }

  private void member(Member member, int depth) {
    switch (member) {
      case Item.Const c -> item(c, depth);
      case Item.Let let -> item(let, depth);
      case Item.Def def -> item(def, depth);
      case Item.Broken broken -> item(broken, depth);
      case Member.Param p -> {
        line(depth, "param " + p.name().text() + ": " + keyword(p.type()), p.span());
        p.defaultValue().ifPresent(e -> expression(e, depth + 1));
        p.condition()
            .ifPresent(
                e -> {
                  line(depth + 1, "where", e.span());
                  expression(e, depth + 2);
                });
      }
      case Member.Tensor t -> {
        line(
            depth,
            "tensor "
                + t.name().text()
                + ": "
                + keyword(t.type())
                + (t.differentiable() ? " differentiable" : ""),
            t.span());
        t.shape().forEach(e -> expression(e, depth + 1));
        t.facts().forEach(f -> fact(f, depth + 1));
      }
      case Member.Clause c -> {
        line(depth, c.kind().keyword(), c.span());
        expression(c.value(), depth + 1);
      }
      case Member.Outputs o -> line(depth, "output " + names(o.names()), o.span());
      case Member.DtypeSetting d -> line(depth, "dtype " + d.name().text(), d.span());
      case Member.HeadDimSetting h -> {
        line(depth, "head_dim", h.span());
        widths(h.widths(), depth + 1);
      }
      case Member.Instances i -> {
        line(depth, "instances", i.span());
        for (Member.Instance entry : i.entries()) {
          line(depth + 1, entry.dtype().text(), entry.dtype().span());
          widths(entry.widths(), depth + 2);
        }
      }
    }
  }

  private void fact(Member.Fact fact, int depth) {
    switch (fact) {
      case Member.Fact.Nondecreasing n -> line(depth, "nondecreasing", n.span());
      case Member.Fact.In in -> {
        line(depth, "in", in.span());
        expression(in.low(), depth + 1);
        expression(in.high(), depth + 1);
      }
    }
  }

  private void widths(Member.Widths widths, int depth) {
    expression(widths.qk(), depth);
    widths.v().ifPresent(e -> expression(e, depth));
  }

  private void expression(Expression e, int depth) {
    switch (e) {
      case Expression.IntLiteral i -> line(depth, Long.toString(i.value()), i.span());
      case Expression.FloatLiteral f -> line(depth, Double.toString(f.value()), f.span());
      case Expression.BoolLiteral b -> line(depth, Boolean.toString(b.value()), b.span());
      case Expression.NameUse n -> line(depth, n.name().text(), n.span());
      case Expression.Call c -> {
        line(depth, "call " + c.function().text(), c.span());
        c.arguments().forEach(a -> expression(a, depth + 1));
      }
      case Expression.Index i -> {
        line(depth, "index " + i.tensor().text(), i.span());
        i.indices().forEach(a -> expression(a, depth + 1));
      }
      case Expression.Prefix p -> {
        line(depth, "prefix " + p.operator(), p.span());
        expression(p.operand(), depth + 1);
      }
      case Expression.Infix i -> {
        line(depth, "infix " + i.operator(), i.span());
        expression(i.left(), depth + 1);
        expression(i.right(), depth + 1);
      }
      case Expression.Comparison c -> {
        line(depth, "compare " + String.join(" ", c.operators()), c.span());
        c.operands().forEach(a -> expression(a, depth + 1));
      }
      case Expression.Conditional c -> {
        line(depth, "if", c.span());
        expression(c.condition(), depth + 1);
        expression(c.then(), depth + 1);
        expression(c.otherwise(), depth + 1);
      }
      case Expression.Reduction r -> {
        line(depth, (r.any() ? "any " : "sum ") + r.variable().text(), r.span());
        expression(r.low(), depth + 1);
        expression(r.high(), depth + 1);
        expression(r.body(), depth + 1);
      }
      case Expression.Moved m -> {
        line(depth, "at", m.span());
        expression(m.base(), depth + 1);
        for (Expression.Move move : m.moves()) {
          line(depth + 1, move.name().text(), move.name().span());
          expression(move.value(), depth + 2);
        }
      }
      case Expression.Missing m -> line(depth, "unreadable", m.span());
    }
  }

  private static String names(List<Name> names) {
    return names.stream().map(Name::text).collect(Collectors.joining(", "));
  }

  private static String type(Optional<TypeName> type) {
    return type.map(t -> ": " + keyword(t)).orElse("");
  }

  private static String keyword(TypeName type) {
    return type.kind().name().toLowerCase(Locale.ROOT);
  }

  private void line(int depth, String text, Span span) {
    out.append("  ".repeat(depth)).append(text);
    out.append("  @").append(span.line()).append(':').append(span.column()).append('\n');
  }
}
