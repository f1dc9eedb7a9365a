package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Span;
import java.util.List;

/** An expression as it is written. Parentheses leave no node; spans include them. */
public sealed interface Expression {
  /** The text of the expression. */
  Span span();

  /** An integer literal within 64 bits. */
  record IntLiteral(long value, Span span) implements Expression {}

  /** A finite number with a point or an exponent. */
  record FloatLiteral(double value, Span span) implements Expression {}

  /** {@code true} or {@code false}. */
  record BoolLiteral(boolean value, Span span) implements Expression {}

  /** A name by itself; {@code score} is one. */
  record NameUse(Name name) implements Expression {
    @Override
    public Span span() {
      return name.span();
    }
  }

  /** {@code f(a, b)}; {@code int(x)} and {@code float(i)} are calls of the type's name. */
  record Call(Name function, List<Expression> arguments, Span span) implements Expression {
    public Call {
      arguments = List.copyOf(arguments);
    }
  }

  /** {@code t[i, j]}. */
  record Index(Name tensor, List<Expression> indices, Span span) implements Expression {
    public Index {
      indices = List.copyOf(indices);
    }
  }

  /** An operator before its operand: {@code -}, {@code ~} or {@code not}. */
  record Prefix(String operator, Span operatorSpan, Expression operand, Span span)
      implements Expression {}

  /** An operator between two operands: arithmetic, bits, {@code and} or {@code or}. */
  record Infix(String operator, Span operatorSpan, Expression left, Expression right, Span span)
      implements Expression {}

  /** {@code a <= b < c}: operators between one more operand than there are of them. */
  record Comparison(
      List<Expression> operands, List<String> operators, List<Span> operatorSpans, Span span)
      implements Expression {
    public Comparison {
      operands = List.copyOf(operands);
      operators = List.copyOf(operators);
      operatorSpans = List.copyOf(operatorSpans);
    }
  }

  /** {@code if c then a else b}. */
  record Conditional(Expression condition, Expression then, Expression otherwise, Span span)
      implements Expression {}

  /** {@code sum(i in low..high: body)} or {@code any(…)}; high is not included. */
  record Reduction(
      boolean any, Name variable, Expression low, Expression high, Expression body, Span span)
      implements Expression {}

  /** {@code e at (q = …, kv = …)}: the value that the base has for another pair. */
  record Moved(Expression base, List<Move> moves, Span span) implements Expression {
    public Moved {
      moves = List.copyOf(moves);
    }
  }

  /** One {@code name = value} of a {@link Moved}. */
  record Move(Name name, Expression value) {}

  /** An expression that could not be read; already reported. */
  record Missing(Span span) implements Expression {}
}
