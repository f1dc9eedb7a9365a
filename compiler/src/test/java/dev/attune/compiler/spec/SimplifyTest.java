package dev.attune.compiler.spec;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.and;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.not;
import static dev.attune.compiler.spec.Exprs.or;
import static dev.attune.compiler.spec.Exprs.sub;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Expr.Var;
import org.junit.jupiter.api.Test;

class SimplifyTest {
  private static final Expr Q = new At(Position.Q);
  private static final Expr KV = new At(Position.KV);
  private static final Expr N = new Param("n", ScalarType.INT);
  private static final Expr X = new Expr.Score();
  private static final Expr FLAG = new Param("flag", ScalarType.BOOL);

  private static void becomes(String expected, Expr e) {
    assertEquals(expected, Exprs.print(Simplify.simplify(e)));
  }

  private static Expr compare(Expr a, CompareOp op, Expr b) {
    return new Compare(op, a, b);
  }

  @Test
  void intsFold() {
    becomes("7", add(Exprs.of(3L), Exprs.of(4L)));
    becomes("-2", new Binary(BinaryOp.FLOOR_DIV, Exprs.of(-3L), Exprs.of(2L)));
    becomes("0", new Binary(BinaryOp.FLOOR_DIV, Q, Exprs.of(0L)));
    becomes("q + 5", add(add(Q, Exprs.of(2L)), Exprs.of(3L)));
    becomes("q - 1", sub(add(Q, Exprs.of(2L)), Exprs.of(3L)));
    becomes("q", add(sub(Q, KV), KV));
    becomes("0", sub(Q, Q));
    becomes("kv - q", new Unary(UnaryOp.NEG, sub(Q, KV)));
    becomes("q * 6", mul(mul(Q, Exprs.of(2L)), Exprs.of(3L)));
  }

  @Test
  void overflowIsLeftAlone() {
    Expr e = add(Exprs.of(Long.MAX_VALUE), Exprs.of(1L));
    assertSame(e, Simplify.simplify(e));
  }

  @Test
  void floatsChangeOnlyWhereTheResultIsTheSameToTheBit() {
    Expr plusZero = add(X, Exprs.of(0.0));
    assertSame(plusZero, Simplify.simplify(plusZero)); // -0 + 0 is 0.
    Expr timesZero = mul(X, Exprs.of(0.0));
    assertSame(timesZero, Simplify.simplify(timesZero)); // NaN and infinity.
    Expr equal = compare(X, CompareOp.EQ, X);
    assertSame(equal, Simplify.simplify(equal)); // NaN.
    Expr less = not(compare(X, CompareOp.LT, Exprs.of(1.0)));
    assertSame(less, Simplify.simplify(less));
    becomes("score != 1.0", not(compare(X, CompareOp.EQ, Exprs.of(1.0))));
    becomes("score", sub(X, Exprs.of(0.0)));
    becomes("score", mul(Exprs.of(1.0), X));
    becomes("score * 0.125", new Binary(BinaryOp.DIV, X, Exprs.of(8.0)));
    becomes("score / 3.0", new Binary(BinaryOp.DIV, X, Exprs.of(3.0)));
    becomes("score * score", new Binary(BinaryOp.POW, X, Exprs.of(2.0)));
  }

  @Test
  void conditions() {
    Expr causal = compare(KV, CompareOp.LE, Q);
    becomes("kv > q", not(causal));
    becomes("false", and(causal, not(causal)));
    becomes("true", or(not(causal), causal));
    becomes("kv <= q", and(causal, or(Exprs.of(true), FLAG)));
    becomes("q > 3", compare(Exprs.of(3L), CompareOp.LT, Q));
    becomes("kv > q", compare(sub(KV, Q), CompareOp.GT, Exprs.of(0L)));
    becomes("q < 7", compare(add(Q, Exprs.of(3L)), CompareOp.LT, Exprs.of(10L)));
    becomes("flag", compare(FLAG, CompareOp.EQ, Exprs.of(true)));
    becomes("flag and kv <= q", new Select(FLAG, causal, Exprs.of(false)));
    becomes("if flag then kv else q", new Select(not(FLAG), Q, KV));
    becomes("kv", new Select(Exprs.of(true), KV, Q));
  }

  @Test
  void reductions() {
    Var i = new Var(3);
    becomes("0", new Reduce(ReduceOp.SUM, i, 2, 2, i));
    becomes("q * 4", new Reduce(ReduceOp.SUM, i, 0, 4, Q));
    becomes("sum(i3 in 0..4: i3 * q)", new Reduce(ReduceOp.SUM, i, 0, 4, mul(i, Q)));
    becomes("kv == 2", new Reduce(ReduceOp.ANY, i, 2, 3, compare(KV, CompareOp.EQ, i)));
  }

  @Test
  void printingNeedsFewParentheses() {
    assertEquals("q - (kv - n)", Exprs.print(sub(Q, sub(KV, N))));
    assertEquals("q - kv - n", Exprs.print(sub(sub(Q, KV), N)));
    assertEquals("(q + kv) * n", Exprs.print(mul(add(Q, KV), N)));
    assertEquals("-(q + kv)", Exprs.print(new Unary(UnaryOp.NEG, add(Q, KV))));
    assertEquals(
        "not (flag or q < kv) and (flag or not flag)",
        Exprs.print(and(not(or(FLAG, compare(Q, CompareOp.LT, KV))), or(FLAG, not(FLAG)))));
    assertEquals("1.0e-4", Exprs.print(Exprs.of(1e-4)));
    assertEquals(
        "(if flag then q else kv) + 1", Exprs.print(add(new Select(FLAG, Q, KV), Exprs.of(1L))));
  }
}
