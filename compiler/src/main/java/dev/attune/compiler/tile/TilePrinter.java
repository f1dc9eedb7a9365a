package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.TestedTiles;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Operand;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The text of a kernel: one line per operation, {@code name: type = operation}, loop bodies
 * indented, and the line of the {@code .attn} file behind what it states.
 */
public final class TilePrinter {
  private static final String INDENT = "  ";

  private TilePrinter() {}

  /** The whole kernel, each line ended by a newline. */
  public static String print(TileKernel kernel) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "kernel %s(query tile %s, %s): %s, head dim %s, tiles of %d %s x %d keys"
            .formatted(
                kernel.spec().name(),
                kernel.qTile(),
                lower(kernel.order()),
                kernel.dtype().keyword(),
                kernel.headDim(),
                kernel.rows(),
                kernel.packed() ? "rows, (query, head of the group)," : "queries",
                kernel.cols()));
    kernel
        .spec()
        .step()
        .ifPresent(n -> lines.add(INDENT + "residue classes modulo " + Exprs.print(n)));
    if (kernel.batching() != Batching.DENSE) {
      lines.add(INDENT + "a %s batch".formatted(lower(kernel.batching())));
    }
    Ops.all(kernel.body())
        .flatMap(op -> Ops.channel(op).stream())
        .distinct()
        .forEach(
            c ->
                lines.add(
                    INDENT
                        + "channel %s: %d x %s of %s"
                            .formatted(c.name(), c.stages(), c.type(), name(c.operand()))));
    kernel
        .tested()
        .ifPresent(
            t -> {
              lines.add(
                  INDENT
                      + "kv tiles in [%s, %s), those that pass a test, the full ones first"
                          .formatted(Exprs.print(t.from()), Exprs.print(t.to())));
              t.searched()
                  .ifPresent(
                      s ->
                          lines.add(
                              INDENT
                                  + "  of more than %d those in [%s, %s)"
                                      .formatted(
                                          TestedTiles.NEAR,
                                          Exprs.print(s.from()),
                                          Exprs.print(s.to()))));
              lines.add(INDENT + "  pass: " + Exprs.print(t.some()));
              lines.add(INDENT + "  full: " + Exprs.print(t.all()));
            });
    kernel.body().forEach(op -> add(op, 1, lines));
    return lines.stream().map(line -> line + "\n").collect(Collectors.joining());
  }

  /** One operation on one line; a loop without its body. */
  public static String print(Op op) {
    List<Value> defined = op instanceof Op.For ? List.of() : Ops.outputs(op);
    String text = text(op);
    return defined.isEmpty()
        ? text
        : defined.stream().map(TilePrinter::typed).collect(Collectors.joining(", ")) + " = " + text;
  }

  private static void add(Op op, int depth, List<String> lines) {
    String indent = INDENT.repeat(depth);
    lines.add(indent + print(op));
    if (op instanceof Op.For loop) {
      for (Op.Carried c : loop.carried()) {
        lines.add(
            indent
                + INDENT
                + "carry %s = %s, at the end %s".formatted(typed(c.param()), c.init(), c.result()));
      }
      loop.body().forEach(inner -> add(inner, depth + 1, lines));
      if (!loop.yields().isEmpty()) {
        lines.add(indent + INDENT + "yield " + join(loop.yields()));
      }
    }
    if (op instanceof Op.ForItems items) {
      items.body().forEach(inner -> add(inner, depth + 1, lines));
    }
    if (op instanceof Op.Roles roles) {
      for (Op.Role role : roles.roles()) {
        lines.add(
            indent
                + INDENT
                + "role "
                + role.name()
                + (role.copies() == 1 ? "" : ", " + role.copies() + " copies"));
        role.body().forEach(inner -> add(inner, depth + 2, lines));
      }
    }
  }

  private static String text(Op op) {
    return switch (op) {
      case Op.Scalar(Value out, Expr expr) -> Exprs.print(expr);
      case Op.Load o -> "load %s[%s]".formatted(name(o.operand()), at(o.index(), o.ahead()));
      case Op.Put o ->
          "put %s[%s]%s"
              .formatted(
                  o.channel().name(),
                  at(o.index(), o.ahead()),
                  o.end().map(end -> ", if before " + end).orElse(""));
      case Op.Get o -> "get " + o.channel().name();
      case Op.Release o -> "release " + o.channel().name();
      case Op.Copy o -> "copy(%s)".formatted(o.in());
      case Op.Fill o -> "fill " + number(o.value());
      case Op.Dot o ->
          "dot(%s, %s%s)%s"
              .formatted(
                  o.a(),
                  o.b(),
                  o.transposeB() ? " transposed" : "",
                  o.accumulate().map(a -> " + " + a).orElse(""));
      case Op.Issue o -> "issue " + text(o.dot());
      case Op.Await o -> o.pending() == 0 ? "await all" : "await all but " + o.pending();
      case Op.Map o ->
          "map(%s at key tile %s: %s".formatted(o.in(), o.index(), stated(o.expr(), ")"));
      case Op.Mask o ->
          "mask(%s at key tile %s, otherwise %s: %s"
              .formatted(o.in(), o.index(), number(o.otherwise()), stated(o.predicate(), ")"));
      case Op.Limit o ->
          "limit(%s at key tile %s, otherwise %s: %s .. %s"
                  .formatted(
                      o.in(),
                      o.index(),
                      number(o.otherwise()),
                      o.first().map(c -> Exprs.print(c.expr())).orElse("0"),
                      o.last().map(c -> Exprs.print(c.expr())).orElse("Skv - 1") + ")")
              + o.first().or(o::last).map(c -> "  // " + c.origin()).orElse("");
      case Op.RowMax o -> "max(%s, rowMax(%s))".formatted(o.floor(), scaled(o.factor(), o.in()));
      case Op.Rescale o ->
          "rescale(max %s to %s, sum %s, %s)"
              .formatted(o.oldMax(), o.newMax(), o.sum(), rule(o.rule()));
      case Op.ScaleRows o -> "scaleRows(%s, %s)".formatted(o.in(), o.row());
      case Op.Exp2 o ->
          "exp2(%s - %s)%s"
              .formatted(scaled(o.factor(), o.in()), o.max(), o.guarded() ? " guarded" : "");
      case Op.Weigh o -> {
        String map =
            "map(%s at key tile %s: %s)".formatted(o.in(), o.index(), Exprs.print(o.expr().expr()));
        yield "exp2(%s - %s)  // %s".formatted(scaled(o.factor(), map), o.max(), o.expr().origin());
      }
      case Op.RowSum o -> "%s + rowSum(%s)".formatted(o.initial(), o.in());
      case Op.ReduceRow o -> "reduceRow(%s)".formatted(o.in());
      case Op.Cast o -> "cast(%s)".formatted(o.in());
      case Op.Sink o ->
          "sink(max %s, sum %s: %s".formatted(o.max(), o.sum(), stated(o.sink(), ")"));
      case Op.Normalize o -> "normalize(%s, %s)".formatted(o.in(), o.sum());
      case Op.LogSumExp o -> "logSumExp(%s, %s)".formatted(o.max(), o.sum());
      case Op.NaturalUnits o -> "naturalUnits(%s)".formatted(o.in());
      case Op.Store o ->
          "store %s, %s%s".formatted(name(o.operand()), o.in(), staging(o.staging()));
      case Op.StoreRow o -> "store %s, %s".formatted(name(o.operand()), o.in());
      case Op.Roles o -> "roles";
      case Op.ForItems o -> "for items " + items(o.items());
      case Op.Claim o -> "claim";
      case Op.For o ->
          "for %s %s in [%s, %s)%s"
              .formatted(
                  lower(o.phase()),
                  o.index(),
                  o.from(),
                  o.to(),
                  o.direction() == Op.Direction.DESCENDING ? " descending" : "");
    };
  }

  private static String at(Value index, int ahead) {
    return ahead == 0 ? index.name() : index + (ahead < 0 ? " - " : " + ") + Math.abs(ahead);
  }

  private static String staging(Op.Staging staging) {
    return switch (staging) {
      case DIRECT -> "";
      case OWN -> " through a buffer";
      case QUERY -> " through the query's buffer";
    };
  }

  private static String items(Op.Items items) {
    return switch (items) {
      case Op.Items.Claimed(long bytes) -> "claimed, sections of " + bytes + " bytes";
      case Op.Items.Received(Channel channel) -> "received with " + channel.name();
    };
  }

  private static String stated(Clause clause, String end) {
    return Exprs.print(clause.expr()) + end + "  // " + clause.origin();
  }

  private static String scaled(Expr factor, Value in) {
    return scaled(factor, in.name());
  }

  private static String scaled(Expr factor, String in) {
    return factor.equals(new Expr.FloatConst(1)) ? in : "(" + Exprs.print(factor) + ") * " + in;
  }

  private static String rule(Op.Rule rule) {
    return switch (rule) {
      case Op.Rule.Always() -> "always";
      case Op.Rule.Lazy(int threshold) -> "lazy " + threshold;
    };
  }

  private static String number(double value) {
    if (Double.isInfinite(value)) {
      return value < 0 ? "-inf" : "inf";
    }
    return Double.toString(value);
  }

  private static String typed(Value value) {
    return value.name() + ": " + value.type();
  }

  private static String join(List<Value> values) {
    return values.stream().map(Value::name).collect(Collectors.joining(", "));
  }

  private static String name(Operand operand) {
    return lower(operand);
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
