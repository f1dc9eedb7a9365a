package dev.attune.compiler.spec;

import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.BoolConst;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.FloatConst;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Scale;
import dev.attune.compiler.spec.Expr.Score;
import dev.attune.compiler.spec.Expr.Search;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Expr.Var;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Structural questions about expressions, and how to build and print them. */
@SuppressWarnings("ReferenceEquality") // Identity is how a rewrite says that nothing changed.
public final class Exprs {
  private Exprs() {}

  /** The operands of a node, in the order in which they are written. */
  public static List<Expr> children(Expr e) {
    return switch (e) {
      case IntConst c -> List.of();
      case FloatConst c -> List.of();
      case BoolConst c -> List.of();
      case Score s -> List.of();
      case Scale s -> List.of();
      case At p -> List.of();
      case Size s -> List.of();
      case Param p -> List.of();
      case Var v -> List.of();
      case Gather g -> g.indices();
      case Search s -> Stream.concat(s.row().stream(), Stream.of(s.value())).toList();
      case Unary u -> List.of(u.x());
      case Binary b -> List.of(b.a(), b.b());
      case Compare c -> List.of(c.a(), c.b());
      case Select s -> List.of(s.condition(), s.then(), s.otherwise());
      case Reduce r -> List.of(r.body());
    };
  }

  /** The node with {@code f} applied to each operand: the same node where no operand changed. */
  public static Expr mapChildren(Expr e, UnaryOperator<Expr> f) {
    return switch (e) {
      case IntConst c -> c;
      case FloatConst c -> c;
      case BoolConst c -> c;
      case Score s -> s;
      case Scale s -> s;
      case At p -> p;
      case Size s -> s;
      case Param p -> p;
      case Var v -> v;
      case Gather g -> {
        List<Expr> indices = new ArrayList<>(g.indices());
        indices.replaceAll(f);
        yield same(indices, g.indices()) ? g : new Gather(g.tensor(), g.type(), indices);
      }
      case Search s -> {
        List<Expr> row = new ArrayList<>(s.row());
        row.replaceAll(f);
        Expr value = f.apply(s.value());
        yield value == s.value() && same(row, s.row()) ? s : new Search(s.tensor(), row, value);
      }
      case Unary u -> {
        Expr x = f.apply(u.x());
        yield x == u.x() ? u : new Unary(u.op(), x);
      }
      case Binary n -> {
        Expr a = f.apply(n.a());
        Expr b = f.apply(n.b());
        yield a == n.a() && b == n.b() ? n : new Binary(n.op(), a, b);
      }
      case Compare n -> {
        Expr a = f.apply(n.a());
        Expr b = f.apply(n.b());
        yield a == n.a() && b == n.b() ? n : new Compare(n.op(), a, b);
      }
      case Select s -> {
        Expr c = f.apply(s.condition());
        Expr a = f.apply(s.then());
        Expr b = f.apply(s.otherwise());
        yield c == s.condition() && a == s.then() && b == s.otherwise() ? s : new Select(c, a, b);
      }
      case Reduce r -> {
        Expr body = f.apply(r.body());
        yield body == r.body() ? r : new Reduce(r.op(), r.variable(), r.from(), r.to(), body);
      }
    };
  }

  private static boolean same(List<Expr> a, List<Expr> b) {
    for (int i = 0; i < a.size(); i++) {
      if (a.get(i) != b.get(i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * The expression with every occurrence of a key replaced by its value, outermost first; what is
   * put in is not searched again. Variables are unique within a spec, so nothing is captured.
   */
  public static Expr substitute(Expr e, Map<? extends Expr, ? extends Expr> replacements) {
    Expr replacement = replacements.get(e);
    return replacement != null
        ? replacement
        : mapChildren(e, child -> substitute(child, replacements));
  }

  /** Whether the node or one below it satisfies the predicate. */
  public static boolean uses(Expr e, Predicate<Expr> wanted) {
    if (wanted.test(e)) {
      return true;
    }
    for (Expr child : children(e)) {
      if (uses(child, wanted)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the expression depends on the position; {@code hkv} depends on {@code h} too. */
  public static boolean uses(Expr e, Position position) {
    return uses(
        e,
        n ->
            n instanceof At(Position p)
                && (p == position || (p == Position.HKV && position == Position.H)));
  }

  /** The elements of tensors that the expression reads at an index that depends on the key. */
  public static List<Gather> keyGathers(Expr e) {
    if (e instanceof Gather g) {
      return uses(g, Position.KV) ? List.of(g) : List.of();
    }
    return children(e).stream().flatMap(child -> keyGathers(child).stream()).distinct().toList();
  }

  /** The number of nodes. */
  public static long nodes(Expr e) {
    long count = 1;
    for (Expr child : children(e)) {
      count += nodes(child);
    }
    return count;
  }

  /** The number of nodes, equal ones counted once. */
  public static int distinct(Expr e) {
    return distinct(e, new HashSet<>());
  }

  private static int distinct(Expr e, Set<Expr> seen) {
    return seen.add(e) ? 1 + children(e).stream().mapToInt(c -> distinct(c, seen)).sum() : 0;
  }

  /** The expression as a {@code .attn} file would say it, with no parenthesis it can do without. */
  public static String print(Expr e) {
    return ExprText.print(e);
  }

  /** An int literal. */
  public static Expr of(long value) {
    return new IntConst(value);
  }

  /** A float literal. */
  public static Expr of(double value) {
    return new FloatConst(value);
  }

  /** A bool literal. */
  public static Expr of(boolean value) {
    return new BoolConst(value);
  }

  /** {@code a + b}. */
  public static Expr add(Expr a, Expr b) {
    return new Binary(BinaryOp.ADD, a, b);
  }

  /** {@code a - b}. */
  public static Expr sub(Expr a, Expr b) {
    return new Binary(BinaryOp.SUB, a, b);
  }

  /** {@code a * b}. */
  public static Expr mul(Expr a, Expr b) {
    return new Binary(BinaryOp.MUL, a, b);
  }

  /** {@code min(a, b)}. */
  public static Expr min(Expr a, Expr b) {
    return new Binary(BinaryOp.MIN, a, b);
  }

  /** {@code max(a, b)}. */
  public static Expr max(Expr a, Expr b) {
    return new Binary(BinaryOp.MAX, a, b);
  }

  /** {@code a and b}. */
  public static Expr and(Expr a, Expr b) {
    return new Binary(BinaryOp.AND, a, b);
  }

  /** {@code a or b}. */
  public static Expr or(Expr a, Expr b) {
    return new Binary(BinaryOp.OR, a, b);
  }

  /** {@code not a}. */
  public static Expr not(Expr a) {
    return new Unary(UnaryOp.NOT, a);
  }
}
