package dev.attune.compiler.reference;

import static dev.attune.compiler.spec.Exprs.and;
import static dev.attune.compiler.spec.Exprs.mul;
import static dev.attune.compiler.spec.Exprs.sub;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.At;
import dev.attune.compiler.spec.Expr.Compare;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Position;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.spec.UnaryOp;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Specs built by hand. */
final class Specs {
  static final Origin ORIGIN = new Origin("test.attn", 1);
  static final Expr Q = new At(Position.Q);
  static final Expr KV = new At(Position.KV);
  static final Expr PLAIN = mul(new Expr.Score(), new Expr.Scale());
  static final Expr CAUSAL = new Compare(CompareOp.LE, KV, Q);

  private Specs() {}

  static AttentionSpec of(
      String name, List<TensorDecl> tensors, Expr score, Expr mask, Normalization normalization) {
    return new AttentionSpec(
        name,
        ORIGIN,
        List.<ParamDecl>of(),
        tensors,
        new Clause(score, ORIGIN),
        new Clause(mask, ORIGIN),
        normalization,
        Set.of(),
        Optional.empty(),
        Optional.empty(),
        List.of());
  }

  static final Normalization SOFTMAX = new Normalization.Softmax(Optional.empty());

  static AttentionSpec full() {
    return of("full", List.of(), PLAIN, Exprs.of(true), SOFTMAX);
  }

  static AttentionSpec causal() {
    return of("causal", List.of(), PLAIN, CAUSAL, SOFTMAX);
  }

  /** Causal, window 5, and no key for rows below 3. */
  static AttentionSpec windowWithEmptyRows() {
    Expr window = new Compare(CompareOp.LT, sub(Q, KV), Exprs.of(5));
    Expr rows = new Compare(CompareOp.GE, Q, Exprs.of(3));
    return of("window", List.of(), PLAIN, and(and(CAUSAL, window), rows), SOFTMAX);
  }

  static AttentionSpec softcap() {
    Expr cap = Exprs.of(20.0);
    Expr t = new Expr.Unary(UnaryOp.TANH, new Expr.Binary(BinaryOp.DIV, PLAIN, cap));
    return of("softcap", List.of(), mul(cap, t), CAUSAL, SOFTMAX);
  }

  static AttentionSpec sink() {
    TensorDecl sinks =
        new TensorDecl(
            "sinks",
            ScalarType.FLOAT,
            List.of(new Expr.Size(Extent.HQ)),
            false,
            Optional.empty(),
            false,
            ORIGIN);
    Expr logit = new Expr.Gather("sinks", ScalarType.FLOAT, List.of(new At(Position.H)));
    return of(
        "sink",
        List.of(sinks),
        PLAIN,
        CAUSAL,
        new Normalization.Softmax(Optional.of(new Clause(logit, ORIGIN))));
  }

  /** Sigmoid attention: each weight is 1 / (1 + exp(−score·scale)) · 1/16. */
  static AttentionSpec sigmoid() {
    Expr exp = new Expr.Unary(UnaryOp.EXP, new Expr.Unary(UnaryOp.NEG, PLAIN));
    Expr one = Exprs.of(1.0);
    Expr weight = new Expr.Binary(BinaryOp.DIV, Exprs.of(0.0625), Exprs.add(one, exp));
    return of(
        "sigmoid", List.of(), PLAIN, CAUSAL, new Normalization.Weight(new Clause(weight, ORIGIN)));
  }

  static List<AttentionSpec> all() {
    return List.of(full(), causal(), windowWithEmptyRows(), softcap(), sink(), sigmoid());
  }
}
