package dev.attune.compiler.analysis;

import dev.attune.compiler.spec.*;
import dev.attune.compiler.spec.Expr.*;
import java.util.*;

/** Provisional. */
public record TileTest(Expr some, Expr all) {
  public static TileTest of(AttentionSpec spec) {
    TileTest t = new T(spec).bool(Simplify.simplify(spec.mask().expr()));
    return new TileTest(Simplify.simplify(t.some), Simplify.simplify(t.all));
  }

  private static final Expr TRUE = new BoolConst(true), FALSE = new BoolConst(false);

  private record T(AttentionSpec spec) {
    TileTest bool(Expr e) {
      return switch (e) {
        case BoolConst b -> new TileTest(b, b);
        case Unary(UnaryOp op, Expr x) -> {
          TileTest t = bool(x);
          yield new TileTest(Exprs.not(t.all), Exprs.not(t.some));
        }
        case Binary(BinaryOp op, Expr a, Expr b) -> {
          TileTest x = bool(a), y = bool(b);
          yield op == BinaryOp.AND
              ? new TileTest(Exprs.and(x.some, y.some), Exprs.and(x.all, y.all))
              : new TileTest(Exprs.or(x.some, y.some), Exprs.or(x.all, y.all));
        }
        case Compare(CompareOp op, Expr a, Expr b) when a.type() == ScalarType.INT -> {
          if (op == CompareOp.EQ
              && a instanceof Binary(BinaryOp m, Expr x, IntConst(long n))
              && m == BinaryOp.FLOOR_MOD
              && n > 0
              && b instanceof IntConst(long r)) {
            Expr[] v = range(x);
            if (v != null) {
              Expr up =
                  new Binary(BinaryOp.FLOOR_DIV, Exprs.sub(v[1], new IntConst(r)), new IntConst(n));
              Expr low =
                  new Binary(
                      BinaryOp.FLOOR_DIV,
                      Exprs.sub(Exprs.sub(v[0], new IntConst(r)), new IntConst(1)),
                      new IntConst(n));
              yield new TileTest(
                  new Compare(CompareOp.GT, up, low),
                  Exprs.and(
                      new Compare(CompareOp.EQ, v[0], v[1]),
                      new Compare(
                          CompareOp.EQ,
                          new Binary(BinaryOp.FLOOR_MOD, v[0], new IntConst(n)),
                          new IntConst(r))));
            }
          }
          Expr[] v = range(Exprs.sub(a, b));
          if (v == null) yield new TileTest(TRUE, FALSE);
          Expr z = new IntConst(0);
          yield switch (op) {
            case LE, LT -> new TileTest(new Compare(op, v[0], z), new Compare(op, v[1], z));
            case GE, GT -> new TileTest(new Compare(op, v[1], z), new Compare(op, v[0], z));
            case EQ ->
                new TileTest(
                    Exprs.and(
                        new Compare(CompareOp.LE, v[0], z), new Compare(CompareOp.GE, v[1], z)),
                    Exprs.and(
                        new Compare(CompareOp.EQ, v[0], z), new Compare(CompareOp.EQ, v[1], z)));
            case NE ->
                new TileTest(
                    Exprs.not(
                        Exprs.and(
                            new Compare(CompareOp.EQ, v[0], z),
                            new Compare(CompareOp.EQ, v[1], z))),
                    Exprs.not(
                        Exprs.and(
                            new Compare(CompareOp.LE, v[0], z),
                            new Compare(CompareOp.GE, v[1], z))));
          };
        }
        default ->
            !Exprs.uses(e, Position.Q) && !Exprs.uses(e, Position.KV)
                ? new TileTest(e, e)
                : new TileTest(TRUE, FALSE);
      };
    }

    Expr[] range(Expr e) {
      Affine s = Affine.of(e);
      Affine lo = Affine.constant(s.constant()), hi = lo;
      for (Map.Entry<Expr, Long> t : s.terms().entrySet()) {
        Expr[] v = atom(t.getKey());
        if (v == null) return null;
        boolean up = t.getValue() > 0;
        lo = lo.plus(Affine.of(v[up ? 0 : 1]).times(t.getValue()));
        hi = hi.plus(Affine.of(v[up ? 1 : 0]).times(t.getValue()));
      }
      return new Expr[] {lo.expr(), hi.expr()};
    }

    Expr[] atom(Expr e) {
      if (e.equals(new At(Position.Q))) return new Expr[] {KvBounds.Q_FIRST, KvBounds.Q_LAST};
      if (e.equals(new At(Position.KV))) return new Expr[] {KvBounds.KV_FIRST, KvBounds.KV_LAST};
      if (!Exprs.uses(e, Position.Q) && !Exprs.uses(e, Position.KV)) return new Expr[] {e, e};
      if (e instanceof Binary(BinaryOp op, Expr a, IntConst n)
          && op == BinaryOp.FLOOR_DIV
          && n.value() > 0) {
        Expr[] v = range(a);
        return v == null ? null : new Expr[] {new Binary(op, v[0], n), new Binary(op, v[1], n)};
      }
      if (e instanceof Unary(UnaryOp op, Expr x) && op == UnaryOp.ABS) {
        Expr[] v = range(x);
        if (v == null) return null;
        Expr neg = Exprs.sub(new IntConst(0), v[0]);
        return new Expr[] {
          Exprs.max(Exprs.max(v[0], Exprs.sub(new IntConst(0), v[1])), new IntConst(0)),
          Exprs.max(v[1], neg)
        };
      }
      if (e instanceof Gather g
          && spec.tensor(g.tensor()).filter(TensorDecl::nondecreasing).isPresent()) {
        int last = g.indices().size() - 1;
        Expr[] v = range(g.indices().get(last));
        if (v == null) return null;
        Expr[] out = new Expr[2];
        for (int i = 0; i < 2; i++) {
          List<Expr> ix = new ArrayList<>(g.indices());
          ix.set(last, v[i]);
          out[i] = new Gather(g.tensor(), g.type(), ix);
        }
        return out;
      }
      return null;
    }
  }
}
