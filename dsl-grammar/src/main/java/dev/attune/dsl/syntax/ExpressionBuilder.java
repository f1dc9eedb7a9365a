package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.generated.AttnParser;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.tree.ParseTree;
import org.antlr.v4.runtime.tree.TerminalNode;

/** Turns what the parser matched of expressions into syntax, within {@link Limits}. */
final class ExpressionBuilder {
  private final Tokens tokens;
  private final List<Diagnostic> problems;

  /** Levels of each expression built so far. */
  private final IdentityHashMap<Expression, Integer> depths = new IdentityHashMap<>();

  private int nodes;

  ExpressionBuilder(Tokens tokens, List<Diagnostic> problems) {
    this.tokens = tokens;
    this.problems = problems;
  }

  Expression build(AttnParser.ExpressionContext ctx) {
    if (ctx.disjunction() != null) {
      return disjunction(ctx.disjunction());
    }
    Expression condition = build(ctx.expression(0));
    Expression then = build(ctx.expression(1));
    Expression otherwise = build(ctx.expression(2));
    return node(
        new Expression.Conditional(condition, then, otherwise, span(ctx)),
        condition,
        then,
        otherwise);
  }

  private Expression disjunction(AttnParser.DisjunctionContext ctx) {
    return chain(ctx, ctx.conjunction().stream().map(this::conjunction).toList());
  }

  private Expression conjunction(AttnParser.ConjunctionContext ctx) {
    return chain(ctx, ctx.negation().stream().map(this::negation).toList());
  }

  private Expression negation(AttnParser.NegationContext ctx) {
    return ctx.comparison() != null
        ? comparison(ctx.comparison())
        : prefix(ctx, negation(ctx.negation()));
  }

  private Expression comparison(AttnParser.ComparisonContext ctx) {
    List<Expression> operands = ctx.bitOr().stream().map(this::bitOr).toList();
    if (operands.size() == 1) {
      return operands.getFirst();
    }
    List<Token> operators = operators(ctx);
    return node(
        new Expression.Comparison(
            operands,
            operators.stream().map(Token::getText).toList(),
            operators.stream().map(tokens::span).toList(),
            span(ctx)),
        operands.toArray(Expression[]::new));
  }

  private Expression bitOr(AttnParser.BitOrContext ctx) {
    return chain(ctx, ctx.bitXor().stream().map(this::bitXor).toList());
  }

  private Expression bitXor(AttnParser.BitXorContext ctx) {
    return chain(ctx, ctx.bitAnd().stream().map(this::bitAnd).toList());
  }

  private Expression bitAnd(AttnParser.BitAndContext ctx) {
    return chain(ctx, ctx.shift().stream().map(this::shift).toList());
  }

  private Expression shift(AttnParser.ShiftContext ctx) {
    return chain(ctx, ctx.sum().stream().map(this::build).toList());
  }

  Expression build(AttnParser.SumContext ctx) {
    return chain(ctx, ctx.product().stream().map(this::product).toList());
  }

  private Expression product(AttnParser.ProductContext ctx) {
    return chain(ctx, ctx.unary().stream().map(this::unary).toList());
  }

  private Expression unary(AttnParser.UnaryContext ctx) {
    return ctx.moved() != null ? moved(ctx.moved()) : prefix(ctx, unary(ctx.unary()));
  }

  private Expression moved(AttnParser.MovedContext ctx) {
    Expression base = primary(ctx.primary());
    Span start = tokens.span(ctx.getStart());
    List<Expression.Move> moves = new ArrayList<>();
    for (ParseTree child : ctx.children) {
      if (child instanceof AttnParser.MoveContext move) {
        moves.add(new Expression.Move(name(move.name()), build(move.expression())));
      } else if (child instanceof TerminalNode t && t.getSymbol().getType() == AttnParser.RPAREN) {
        List<Expression> parts = new ArrayList<>(List.of(base));
        moves.forEach(m -> parts.add(m.value()));
        base =
            node(
                new Expression.Moved(base, moves, start.to(tokens.span(t.getSymbol()))),
                parts.toArray(Expression[]::new));
        moves.clear();
      }
    }
    return base;
  }

  private Expression primary(AttnParser.PrimaryContext ctx) {
    Span span = span(ctx);
    if (ctx.INTEGER() != null) {
      return node(integer(ctx.INTEGER().getText(), span));
    }
    if (ctx.REAL() != null) {
      return node(real(ctx.REAL().getText(), span));
    }
    if (ctx.TRUE() != null || ctx.FALSE() != null) {
      return node(new Expression.BoolLiteral(ctx.TRUE() != null, span));
    }
    if (ctx.SCORE() != null) {
      return node(new Expression.NameUse(new Name("score", span)));
    }
    if (ctx.SUM() != null || ctx.ANY() != null) {
      Expression low = build(ctx.sum(0));
      Expression high = build(ctx.sum(1));
      Expression body = build(ctx.expression());
      return node(
          new Expression.Reduction(ctx.ANY() != null, name(ctx.name()), low, high, body, span),
          low,
          high,
          body);
    }
    if (ctx.expression() != null) {
      Expression inner = build(ctx.expression());
      return ctx.INT() == null && ctx.FLOAT() == null
          ? inner
          : node(new Expression.Call(word(ctx.getStart()), List.of(inner), span), inner);
    }
    Name name = name(ctx.name());
    if (ctx.arguments() != null) {
      List<Expression> arguments = ctx.arguments().expression().stream().map(this::build).toList();
      return node(new Expression.Call(name, arguments, span), arguments.toArray(Expression[]::new));
    }
    if (ctx.indices() != null) {
      List<Expression> indices = ctx.indices().expression().stream().map(this::build).toList();
      return node(new Expression.Index(name, indices, span), indices.toArray(Expression[]::new));
    }
    return node(new Expression.NameUse(name));
  }

  private Expression prefix(ParserRuleContext ctx, Expression operand) {
    Token operator = ctx.getStart();
    return node(
        new Expression.Prefix(operator.getText(), tokens.span(operator), operand, span(ctx)),
        operand);
  }

  private Expression chain(ParserRuleContext ctx, List<Expression> operands) {
    Expression left = operands.getFirst();
    if (operands.size() == 1) {
      return left;
    }
    List<Token> operators = operators(ctx);
    Span start = tokens.span(ctx.getStart());
    for (int i = 1; i < operands.size() && !(left instanceof Expression.Missing); i++) {
      Expression right = operands.get(i);
      Token operator = operators.get(i - 1);
      Span span = start.to(right.span());
      left =
          node(
              new Expression.Infix(operator.getText(), tokens.span(operator), left, right, span),
              left,
              right);
    }
    return left;
  }

  private static List<Token> operators(ParserRuleContext ctx) {
    return IntStream.range(0, ctx.getChildCount())
        .mapToObj(ctx::getChild)
        .filter(TerminalNode.class::isInstance)
        .map(t -> ((TerminalNode) t).getSymbol())
        .toList();
  }

  private Expression integer(String text, Span span) {
    String digits = text.replace("_", "");
    boolean hex = digits.startsWith("0x") || digits.startsWith("0X");
    try {
      long value = hex ? Long.parseLong(digits.substring(2), 16) : Long.parseLong(digits);
      return new Expression.IntLiteral(value, span);
    } catch (NumberFormatException tooLarge) {
      problems.add(
          Diagnostic.at(span, Code.BAD_NUMBER, "the number is larger than 9223372036854775807")
              .help("write it as a float, for example 1e30, if that is what is meant"));
      return new Expression.Missing(span);
    }
  }

  private Expression real(String text, Span span) {
    double value = Double.parseDouble(text.replace("_", ""));
    if (Double.isInfinite((float) value)) {
      problems.add(
          Diagnostic.at(
              span,
              Code.BAD_NUMBER,
              String.format(
                  Locale.ROOT,
                  "the number is larger than the largest float, %.8g",
                  Float.MAX_VALUE)));
      return new Expression.Missing(span);
    }
    return new Expression.FloatLiteral(value, span);
  }

  /** Counts a new node; one that makes the tree too large or too deep is replaced. */
  private Expression node(Expression made, Expression... children) {
    int depth = 1;
    for (Expression child : children) {
      depth = Math.max(depth, depths.getOrDefault(child, 0) + 1);
    }
    nodes++;
    if (depth > Limits.DEPTH) {
      problems.add(
          Diagnostic.at(
                  made.span(),
                  Code.NESTED_TOO_DEEPLY,
                  "the expression has more than %d levels".formatted(Limits.DEPTH))
              .help("name parts of it with let"));
      return new Expression.Missing(made.span());
    }
    if (nodes > Limits.NODES) {
      if (nodes == Limits.NODES + 1) {
        problems.add(
            Diagnostic.at(
                made.span(),
                Code.TOO_COMPLEX,
                "the file has more than %d names, numbers and operators in expressions"
                    .formatted(Limits.NODES)));
      }
      return new Expression.Missing(made.span());
    }
    depths.put(made, depth);
    return made;
  }

  private Name name(AttnParser.NameContext ctx) {
    return word(ctx.getStart());
  }

  private Name word(Token token) {
    return new Name(token.getText(), tokens.span(token));
  }

  private Span span(ParserRuleContext ctx) {
    return tokens.span(ctx.getStart()).to(tokens.span(ctx.getStop()));
  }
}
