package dev.attune.ptx.tune;

import dev.attune.compiler.analysis.KvBounds;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import java.util.Locale;
import java.util.Optional;

/** How the keys that a tile visits depend on its rows: what a schedule has to suit. */
public enum MaskClass {
  /** Every tile visits the same keys. */
  FULL,
  /** One end of the keys moves with the rows. */
  CAUSAL,
  /** Both ends move with the rows. */
  BAND;

  /** The class of a spec's mask. */
  public static MaskClass of(AttentionSpec spec) {
    KvBounds bounds = KvBounds.withoutSearch(spec);
    int moving = (moves(bounds.visitFirst()) ? 1 : 0) + (moves(bounds.visitLast()) ? 1 : 0);
    return values()[moving];
  }

  private static boolean moves(Optional<Expr> bound) {
    return bound
        .filter(e -> Exprs.uses(e, x -> x.equals(KvBounds.Q_FIRST) || x.equals(KvBounds.Q_LAST)))
        .isPresent();
  }

  /** The name in a table. */
  public String keyword() {
    return name().toLowerCase(Locale.ROOT);
  }
}
