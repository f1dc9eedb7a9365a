package dev.attune.compiler.analysis;

import static dev.attune.compiler.spec.Exprs.add;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.sub;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Binary;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Expr.Gather;
import dev.attune.compiler.spec.Expr.Param;
import dev.attune.compiler.spec.Expr.Reduce;
import dev.attune.compiler.spec.Expr.Select;
import dev.attune.compiler.spec.Expr.Size;
import dev.attune.compiler.spec.Expr.Unary;
import dev.attune.compiler.spec.Expr.Var;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ReduceOp;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/** Random masks under one set of declarations, and launches of them. */
final class Predicates {
  static final Expr Q = new At(Position.Q);
  static final Expr KV = new At(Position.KV);
  static final Expr SQ = new Size(Extent.SQ);
  static final Expr SKV = new Size(Extent.SKV);
  static final Expr WINDOW = new Param("window", ScalarType.INT);
  static final Expr CHUNK = new Param("chunk", ScalarType.INT);
  static final Expr LEN = new Gather("len", ScalarType.INT, List.of(new At(Position.B)));
  static final Expr IS_GLOBAL =
      new Gather("is_global", ScalarType.BOOL, List.of(new At(Position.H)));
  private static final Origin ORIGIN = new Origin("test.attn", 1);

  private final Random random;

  Predicates(long seed) {
    random = new Random(seed);
  }

  static Expr doc(Expr index) {
    return new Gather("doc", ScalarType.INT, List.of(index));
  }

  static Expr compare(Expr a, CompareOp op, Expr b) {
    return new Compare(op, a, b);
  }

  static AttentionSpec spec(Expr mask) {
    return new AttentionSpec(
        "test",
        ORIGIN,
        List.of(param("window", -8, 40), param("chunk", 1, 20)),
        List.of(
            tensor("doc", ScalarType.INT, SKV, true, Optional.empty()),
            tensor("starts", ScalarType.INT, SKV, true, Optional.empty()),
            new TensorDecl(
                "parts",
                ScalarType.INT,
                List.of(new Size(Extent.B), SQ),
                true,
                Optional.empty(),
                false,
                ORIGIN),
            tensor("len", ScalarType.INT, new Size(Extent.B), false, Optional.empty()),
            tensor("table", ScalarType.INT, SKV, false, Optional.of(new ParamDecl.Range(-3, 9))),
            tensor("is_global", ScalarType.BOOL, new Size(Extent.HQ), false, Optional.empty())),
        new Clause(new Expr.Score(), ORIGIN),
        new Clause(mask, ORIGIN),
        new Normalization.Softmax(Optional.empty()),
        Set.of(),
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  private static ParamDecl param(String name, int low, int high) {
    return new ParamDecl(
        name,
        ScalarType.INT,
        Exprs.of(1L),
        Optional.empty(),
        new ParamDecl.Range(low, high),
        ORIGIN);
  }

  private static TensorDecl tensor(
      String name,
      ScalarType type,
      Expr extent,
      boolean nondecreasing,
      Optional<ParamDecl.Range> range) {
    return new TensorDecl(name, type, List.of(extent), nondecreasing, range, false, ORIGIN);
  }

  /** A launch with small random sizes and values that have the declared facts. */
  Bindings bindings(int sq, int skv) {
    Shape shape = new Shape(2, 2, 1, sq, skv, new HeadDim(8, 8));
    int[] doc = new int[skv];
    int[] table = new int[skv];
    for (int i = 0; i < skv; i++) {
      doc[i] = random.nextInt(skv + 1);
      table[i] = random.nextInt(-3, 10);
    }
    Arrays.sort(doc);
    int[] starts = new int[skv];
    for (int i = 0; i < skv; i++) {
      starts[i] = random.nextInt(skv + 1);
    }
    Arrays.sort(starts);
    int[] parts = new int[2 * sq];
    for (int i = 0; i < 2 * sq; i++) {
      parts[i] = random.nextInt(skv + 1);
    }
    Arrays.sort(parts, 0, sq);
    Arrays.sort(parts, sq, 2 * sq);
    int[] len = {random.nextInt(skv + 3), random.nextInt(skv + 3)};
    byte[] global = {(byte) random.nextInt(2), (byte) random.nextInt(2)};
    return new Bindings(
        shape,
        1,
        Map.of("window", (double) random.nextInt(-8, 41), "chunk", 1.0 + random.nextInt(20)),
        Map.of(
            "doc", new NdArray(new int[] {skv}, doc),
            "starts", new NdArray(new int[] {skv}, starts),
            "parts", new NdArray(new int[] {2, sq}, parts),
            "table", new NdArray(new int[] {skv}, table),
            "len", new NdArray(new int[] {2}, len),
            "is_global", new NdArray(new int[] {2}, global)));
  }

  /** A random bool expression. */
  Expr predicate(int depth) {
    return switch (random.nextInt(depth <= 0 ? 3 : 9)) {
      case 0 -> IS_GLOBAL;
      case 1, 2 -> comparison(2);
      case 3, 4 -> Exprs.and(predicate(depth - 1), predicate(depth - 1));
      case 5 -> Exprs.or(predicate(depth - 1), predicate(depth - 1));
      case 6 -> Exprs.not(predicate(depth - 1));
      case 7 -> new Select(predicate(depth - 2), predicate(depth - 1), predicate(depth - 1));
      default -> {
        Var i = new Var(random.nextInt(1000));
        Expr body = compare(KV, op(), add(integer(1), mul(i, Exprs.of(3L))));
        yield new Reduce(ReduceOp.ANY, i, 0, random.nextInt(4), body);
      }
    };
  }

  /**
   * A random mask of the kinds that the field has, with random constants: grids of two dimensions,
   * blocks, congruences, documents with offsets, bit fields, packed bits, tables of blocks.
   */
  Expr structured(int depth) {
    if (depth > 0 && random.nextInt(3) > 0) {
      Expr a = structured(depth - 1);
      Expr b = structured(depth - 1);
      return switch (random.nextInt(5)) {
        case 0, 1 -> Exprs.and(a, b);
        case 2 -> Exprs.or(a, b);
        case 3 -> new Select(predicate(0), a, b);
        default -> Exprs.not(a);
      };
    }
    Expr n = block();
    Expr r = Exprs.of((long) random.nextInt(6));
    return switch (random.nextInt(14)) {
      case 0 -> near(mod(shifted(Q), n), mod(shifted(KV), n), r);
      case 1 -> near(div(shifted(Q), n), div(shifted(KV), n), r);
      case 2 -> Exprs.and(near(div(Q, n), div(KV, n), r), near(mod(Q, n), mod(KV, n), r));
      case 3 -> compare(mod(sub(Q, KV), n), op(), r);
      case 4 -> compare(mod(shifted(random.nextBoolean() ? Q : KV), n), op(), mod(integer(1), n));
      case 5 -> compare(div(shifted(Q), n), op(), div(shifted(KV), n));
      case 6 -> compare(div(mod(Q, n), block()), op(), div(mod(KV, n), block()));
      case 7 ->
          Exprs.and(
              compare(div(Q, n), CompareOp.EQ, div(KV, n)), compare(mod(Q, n), op(), mod(KV, n)));
      case 8 -> {
        Expr local = sub(sub(Q, start(doc(Q))), sub(KV, start(doc(KV))));
        Expr inner = random.nextBoolean() ? compare(local, op(), r) : near(local, r, WINDOW);
        yield Exprs.and(compare(doc(Q), CompareOp.EQ, doc(KV)), inner);
      }
      case 9 -> compare(random.nextBoolean() ? KV : Q, op(), start(doc(Q)));
      case 10 -> {
        long mask = ((1L << (1 + random.nextInt(4))) - 1) << random.nextInt(3);
        Expr bits = new Binary(BinaryOp.BIT_XOR, shifted(Q), shifted(KV));
        yield compare(new Binary(BinaryOp.BIT_AND, bits, Exprs.of(mask)), op(), r);
      }
      case 11 -> compare(morton(Q), op(), random.nextBoolean() ? morton(KV) : r);
      case 12 -> {
        Expr word = new Gather("table", ScalarType.INT, List.of(div(KV, Exprs.of(4L))));
        Expr shift = new Binary(BinaryOp.SHR, word, mod(KV, Exprs.of(4L)));
        yield compare(
            new Binary(BinaryOp.BIT_AND, shift, Exprs.of(1L)), CompareOp.EQ, Exprs.of(1L));
      }
      default -> {
        Expr entry =
            new Gather("table", ScalarType.INT, List.of(div(random.nextBoolean() ? Q : KV, n)));
        yield compare(entry, op(), div(random.nextBoolean() ? Q : KV, block()));
      }
    };
  }

  private Expr block() {
    return switch (random.nextInt(9)) {
      case 0, 1, 2 -> CHUNK;
      case 3 -> WINDOW;
      default -> Exprs.of((long) (1 + random.nextInt(17)));
    };
  }

  private Expr shifted(Expr x) {
    return random.nextInt(3) > 0 ? x : sub(x, integer(0));
  }

  private static Expr near(Expr a, Expr b, Expr r) {
    return compare(new Unary(UnaryOp.ABS, sub(a, b)), CompareOp.LE, r);
  }

  private static Expr div(Expr a, Expr b) {
    return new Binary(BinaryOp.FLOOR_DIV, a, b);
  }

  private static Expr mod(Expr a, Expr b) {
    return new Binary(BinaryOp.FLOOR_MOD, a, b);
  }

  private static Expr start(Expr document) {
    return new Gather("starts", ScalarType.INT, List.of(document));
  }

  /** Every second bit, drawn together. */
  private static Expr morton(Expr i) {
    Expr x = new Binary(BinaryOp.BIT_AND, i, Exprs.of(1L));
    for (int bit = 1; bit < 3; bit++) {
      Expr down = new Binary(BinaryOp.SHR, i, Exprs.of((long) bit));
      x = new Binary(BinaryOp.BIT_OR, x, new Binary(BinaryOp.BIT_AND, down, Exprs.of(1L << bit)));
    }
    return x;
  }

  private CompareOp op() {
    return List.of(CompareOp.values()).get(random.nextInt(6));
  }

  private Expr comparison(int depth) {
    Expr key = random.nextInt(3) > 0 ? KV : integer(depth);
    return random.nextInt(6) == 0
        ? compare(
            new Unary(UnaryOp.TO_FLOAT, key), op(), new Unary(UnaryOp.TO_FLOAT, integer(depth)))
        : random.nextBoolean()
            ? compare(key, op(), integer(depth))
            : compare(sub(Q, key), op(), integer(depth));
  }

  /** A random int expression. */
  Expr integer(int depth) {
    if (depth <= 0 || random.nextInt(3) == 0) {
      return switch (random.nextInt(9)) {
        case 0, 1 -> Q;
        case 2, 3 -> KV;
        case 4 -> WINDOW;
        case 5 -> random.nextBoolean() ? SQ : SKV;
        case 6 -> random.nextBoolean() ? LEN : CHUNK;
        case 7 ->
            switch (random.nextInt(4)) {
              case 0 -> doc(KV);
              case 1 -> new Gather("table", ScalarType.INT, List.of(Q));
              case 2 -> new Gather("parts", ScalarType.INT, List.of(new At(Position.B), sorted()));
              default -> doc(sorted());
            };
        default -> Exprs.of((long) random.nextInt(-6, 30));
      };
    }
    Expr a = integer(depth - 1);
    Expr b = integer(depth - 1);
    return switch (random.nextInt(12)) {
      case 0, 1 -> add(a, b);
      case 2, 3 -> sub(a, b);
      case 4 -> mul(a, Exprs.of((long) random.nextInt(-3, 4)));
      case 5 -> new Binary(BinaryOp.FLOOR_DIV, a, random.nextBoolean() ? CHUNK : divisor());
      case 6 -> new Binary(BinaryOp.FLOOR_MOD, a, random.nextBoolean() ? CHUNK : divisor());
      case 7 -> Exprs.min(a, b);
      case 8 -> Exprs.max(a, b);
      case 9 -> new Unary(UnaryOp.ABS, a);
      case 10 -> new Binary(shift(), a, Exprs.of((long) random.nextInt(4)));
      default -> new Select(compare(a, op(), b), a, b);
    };
  }

  /** An index of a sorted tensor. */
  private Expr sorted() {
    Expr position = random.nextBoolean() ? Q : KV;
    return switch (random.nextInt(4)) {
      case 0 -> sub(position, Exprs.of((long) random.nextInt(-6, 7)));
      case 1 -> div(position, divisor());
      default -> position;
    };
  }

  private BinaryOp shift() {
    return random.nextInt(4) == 0
        ? List.of(BinaryOp.BIT_AND, BinaryOp.BIT_OR, BinaryOp.BIT_XOR).get(random.nextInt(3))
        : random.nextBoolean() ? BinaryOp.SHR : BinaryOp.SHL;
  }

  private Expr divisor() {
    return Exprs.of((long) random.nextInt(-3, 17));
  }
}
