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
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Prints expressions in the syntax of {@code .attn} files. */
final class ExprText {
  // How tightly an operator binds, loosest first.
  private static final int SELECT = 0;
  private static final int OR = 1;
  private static final int AND = 2;
  private static final int NOT = 3;
  private static final int COMPARE = 4;
  private static final int BIT_OR = 5;
  private static final int BIT_XOR = 6;
  private static final int BIT_AND = 7;
  private static final int SHIFT = 8;
  private static final int SUM = 9;
  private static final int PRODUCT = 10;
  private static final int PREFIX = 11;
  private static final int PRIMARY = 12;

  private ExprText() {}

  static String print(Expr e) {
    return print(e, SELECT);
  }

  private static String print(Expr e, int atLeast) {
    String text = text(e);
    return binding(e) < atLeast ? "(" + text + ")" : text;
  }

  private static String text(Expr e) {
    return switch (e) {
      case IntConst(long value) -> Long.toString(value);
      case FloatConst(double value) -> Double.toString(value).toLowerCase(Locale.ROOT);
      case BoolConst(boolean value) -> Boolean.toString(value);
      case Score() -> "score";
      case Scale() -> "scale";
      case At(Position p) -> p.keyword();
      case Size(Extent x) -> x.keyword();
      case Param(String name, ScalarType type) -> name;
      case Var(int id) -> variable(id);
      case Gather g -> g.tensor() + indices(g.indices());
      case Search s ->
          "search("
              + s.tensor()
              + (s.row().isEmpty() ? "" : indices(s.row()))
              + ", "
              + print(s.value())
              + ")";
      case Unary u ->
          switch (u.op()) {
            case NEG -> "-" + print(u.x(), PREFIX);
            case BIT_NOT -> "~" + print(u.x(), PREFIX);
            case NOT -> "not " + print(u.x(), NOT);
            default -> function(u.op()) + "(" + print(u.x()) + ")";
          };
      case Binary(BinaryOp op, Expr a, Expr b) ->
          isFunction(op)
              ? op.name().toLowerCase(Locale.ROOT) + "(" + print(a) + ", " + print(b) + ")"
              : print(a, binding(e)) + " " + symbol(op) + " " + print(b, binding(e) + right(op, b));
      case Compare(CompareOp op, Expr a, Expr b) ->
          print(a, COMPARE + 1) + " " + op.symbol() + " " + print(b, COMPARE + 1);
      case Select(Expr c, Expr a, Expr b) ->
          "if " + print(c, OR) + " then " + print(a, OR) + " else " + print(b, SELECT);
      case Reduce r ->
          r.op().name().toLowerCase(Locale.ROOT)
              + "("
              + variable(r.variable().id())
              + " in "
              + r.from()
              + ".."
              + r.to()
              + ": "
              + print(r.body())
              + ")";
    };
  }

  // Repeated `and` and `or` mean the same however they are grouped; all else groups to the left.
  private static int right(BinaryOp op, Expr b) {
    boolean free = op == BinaryOp.AND || op == BinaryOp.OR;
    return free && b instanceof Binary n && n.op() == op ? 0 : 1;
  }

  private static String variable(int id) {
    return switch (id) {
      case -1 -> "q_first"; // The rows of a tile, where the analysis speaks of one.
      case -2 -> "q_last";
      case -3 -> "role_first"; // The rows of a tile that one role computes.
      case -4 -> "role_last";
      case -5 -> "kv_first"; // The keys of a tile.
      case -6 -> "kv_last";
      case -7 -> "live_tiles"; // How many tiles passed a test.
      case -8 -> "full_tiles";
      case -9 -> "residue"; // The class of an item's positions, and what its sequence has.
      case -10 -> "all_queries";
      case -11 -> "all_keys";
      default -> id < 0 ? "v" + -id : "i" + id;
    };
  }

  private static String indices(List<Expr> indices) {
    return indices.stream().map(ExprText::print).collect(Collectors.joining(", ", "[", "]"));
  }

  private static String function(UnaryOp op) {
    return switch (op) {
      case TO_FLOAT -> "float";
      case TO_INT -> "int";
      default -> op.name().toLowerCase(Locale.ROOT);
    };
  }

  private static boolean isFunction(BinaryOp op) {
    return op == BinaryOp.MIN || op == BinaryOp.MAX || op == BinaryOp.POW;
  }

  private static String symbol(BinaryOp op) {
    return switch (op) {
      case ADD -> "+";
      case SUB -> "-";
      case MUL -> "*";
      case DIV -> "/";
      case FLOOR_DIV -> "//";
      case FLOOR_MOD -> "%";
      case BIT_AND -> "&";
      case BIT_OR -> "|";
      case BIT_XOR -> "^";
      case SHL -> "<<";
      case SHR -> ">>";
      case AND -> "and";
      case OR -> "or";
      case MIN, MAX, POW -> throw new IllegalArgumentException(op + " is a function");
    };
  }

  private static int binding(Expr e) {
    return switch (e) {
      case IntConst(long value) -> value < 0 ? PREFIX : PRIMARY;
      case FloatConst(double value) ->
          value < 0 || Double.doubleToRawLongBits(value) < 0 ? PREFIX : PRIMARY;
      case Select s -> SELECT;
      case Compare c -> COMPARE;
      case Unary u ->
          switch (u.op()) {
            case NOT -> NOT;
            case NEG, BIT_NOT -> PREFIX;
            default -> PRIMARY;
          };
      case Binary n ->
          switch (n.op()) {
            case OR -> OR;
            case AND -> AND;
            case BIT_OR -> BIT_OR;
            case BIT_XOR -> BIT_XOR;
            case BIT_AND -> BIT_AND;
            case SHL, SHR -> SHIFT;
            case ADD, SUB -> SUM;
            case MUL, DIV, FLOOR_DIV, FLOOR_MOD -> PRODUCT;
            case MIN, MAX, POW -> PRIMARY;
          };
      case BoolConst c -> PRIMARY;
      case Score s -> PRIMARY;
      case Scale s -> PRIMARY;
      case At p -> PRIMARY;
      case Size s -> PRIMARY;
      case Param p -> PRIMARY;
      case Gather g -> PRIMARY;
      case Search s -> PRIMARY;
      case Var v -> PRIMARY;
      case Reduce r -> PRIMARY;
    };
  }
}
