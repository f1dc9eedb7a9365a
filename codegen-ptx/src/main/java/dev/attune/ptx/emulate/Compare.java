package dev.attune.ptx.emulate;

import org.jspecify.annotations.Nullable;

/**
 * {@code setp}: compares, optionally combines with a predicate, and writes one or two predicates.
 */
final class Compare extends Instruction {
  enum Relation {
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE,
    /** The same for floats, true also if an operand is NaN. */
    EQU,
    NEU,
    LTU,
    LEU,
    GTU,
    GEU,
    NUM,
    NAN
  }

  enum Combine {
    AND,
    OR,
    XOR
  }

  enum Domain {
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32
  }

  private final Domain domain;
  private final Relation relation;
  private final @Nullable Combine combine;
  private final boolean flush;
  private final int d;
  private final int complement;
  private final int a;
  private final int b;
  private final int with;

  /** {@code complement} is negative if there is no second destination. */
  Compare(
      Header header,
      Domain domain,
      Relation relation,
      @Nullable Combine combine,
      boolean flush,
      int d,
      int complement,
      int a,
      int b,
      int with) {
    super(header);
    this.domain = domain;
    this.relation = relation;
    this.combine = combine;
    this.flush = flush;
    this.d = d;
    this.complement = complement;
    this.a = a;
    this.b = b;
    this.with = with;
  }

  @Override
  void execute(Warp warp, int mask) {
    int result = compare(warp);
    int other = ~result;
    if (combine != null) {
      int third = warp.predicate(with);
      result = combine(result, third);
      other = combine(other, third);
    }
    if (d >= 0) {
      warp.setPredicate(d, mask, result);
    }
    if (complement >= 0) {
      warp.setPredicate(complement, mask, other);
    }
  }

  private int combine(int x, int y) {
    return combine == Combine.AND ? x & y : combine == Combine.OR ? x | y : x ^ y;
  }

  private int compare(Warp warp) {
    int result = 0;
    if (domain == Domain.F32) {
      return floats(warp.ints);
    }
    if (domain == Domain.S32) {
      int[] r = warp.ints;
      for (int i = 0; i < 32; i++) {
        result |= holds(Integer.compare(r[a + i], r[b + i])) << i;
      }
      return result;
    }
    for (int i = 0; i < 32; i++) {
      result |= holds(order(warp, i)) << i;
    }
    return result;
  }

  private int order(Warp warp, int i) {
    int[] r = warp.ints;
    return switch (domain) {
      case S16 -> Short.compare((short) r[a + i], (short) r[b + i]);
      case U16 -> Integer.compare(r[a + i] & 0xFFFF, r[b + i] & 0xFFFF);
      case S64 -> Long.compare(warp.longs[a + i], warp.longs[b + i]);
      case U64 -> Long.compareUnsigned(warp.longs[a + i], warp.longs[b + i]);
      default -> Integer.compareUnsigned(r[a + i], r[b + i]);
    };
  }

  private int holds(int order) {
    boolean result =
        switch (relation) {
          case EQ -> order == 0;
          case NE -> order != 0;
          case LT -> order < 0;
          case LE -> order <= 0;
          case GT -> order > 0;
          case GE -> order >= 0;
          default -> throw new AssertionError(relation);
        };
    return result ? 1 : 0;
  }

  private int floats(int[] r) {
    int result = 0;
    for (int i = 0; i < 32; i++) {
      float x = Float.intBitsToFloat(r[a + i]);
      float y = Float.intBitsToFloat(r[b + i]);
      if (flush) {
        x = Scalars.flush(x);
        y = Scalars.flush(y);
      }
      result |= (holds(x, y) ? 1 : 0) << i;
    }
    return result;
  }

  private boolean holds(float x, float y) {
    return switch (relation) {
      case EQ -> x == y;
      case NE -> x < y || x > y;
      case LT -> x < y;
      case LE -> x <= y;
      case GT -> x > y;
      case GE -> x >= y;
      case EQU -> !(x < y || x > y);
      case NEU -> x != y;
      case LTU -> !(x >= y);
      case LEU -> !(x > y);
      case GTU -> !(x <= y);
      case GEU -> !(x < y);
      case NUM -> !Float.isNaN(x) && !Float.isNaN(y);
      case NAN -> Float.isNaN(x) || Float.isNaN(y);
    };
  }
}
