package dev.attune.ptx.emulate;

/** {@code cvt} between two types, and {@code cvt} of two binary32 values to a packed pair. */
final class Convert extends Instruction {
  enum Rounding {
    NONE,
    RN,
    RZ,
    RM,
    RP,
    RNI,
    RZI,
    RMI,
    RPI
  }

  private final PtxType to;
  private final PtxType from;
  private final Rounding rounding;
  private final boolean flush;
  private final boolean saturate;
  private final boolean relu;
  private final int d;
  private final boolean wideTarget;
  private final int a;
  private final boolean wideSource;
  private final int second;
  private final int targetMask;

  /**
   * @param second the operand of the low half when converting to a pair, else negative
   * @param targetMask the bits that the destination register has, if at most 32
   */
  Convert(
      Header header,
      PtxType to,
      PtxType from,
      Rounding rounding,
      boolean flush,
      boolean saturate,
      boolean relu,
      int d,
      boolean wideTarget,
      int a,
      boolean wideSource,
      int second,
      int targetMask) {
    super(header);
    this.to = to;
    this.from = from;
    this.rounding = rounding;
    this.flush = flush;
    this.saturate = saturate;
    this.relu = relu;
    this.d = d;
    this.wideTarget = wideTarget;
    this.a = a;
    this.wideSource = wideSource;
    this.second = second;
    this.targetMask = targetMask;
  }

  @Override
  void execute(Warp warp, int mask) {
    int[] r = warp.ints;
    if (second >= 0) {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        r[d + lane] =
            half(Float.intBitsToFloat(r[a + lane])) << 16
                | half(Float.intBitsToFloat(r[second + lane]));
      }
      return;
    }
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      long value = one(wideSource ? warp.longs[a + lane] : r[a + lane]);
      if (wideTarget) {
        warp.longs[d + lane] = value;
      } else {
        r[d + lane] = (int) value & targetMask;
      }
    }
  }

  private int half(float x) {
    float value = flush ? Scalars.flush(x) : x;
    if (relu && !(value > 0f)) {
      value = Float.isNaN(value) ? value : 0f;
    }
    boolean bf16 = to == PtxType.BF16 || to == PtxType.BF16X2;
    if (rounding == Rounding.RZ) {
      return bf16 ? Scalars.toBf16TowardZero(value) : Scalars.toF16TowardZero(value);
    }
    return bf16 ? Scalars.toBf16(value) : Scalars.toF16(value);
  }

  private long one(long raw) {
    if (!from.isFloat()) {
      long value = integer(raw);
      if (!to.isFloat()) {
        return extend(saturate ? clamp(value) : value, to);
      }
      float result = fromInteger(value);
      return store(saturate ? Scalars.saturate(result) : result);
    }
    float x =
        switch (from) {
          case F16 -> Scalars.fromF16((int) raw);
          case BF16 -> Scalars.fromBf16((int) raw & 0xFFFF);
          default -> Float.intBitsToFloat((int) raw);
        };
    if (flush) {
      x = Scalars.flush(x);
    }
    if (!to.isFloat()) {
      return toInteger(x);
    }
    float rounded = flush ? Scalars.flush(integral(x)) : integral(x);
    return store(saturate ? Scalars.saturate(rounded) : rounded);
  }

  private long store(float x) {
    return to == PtxType.F32 ? Scalars.bits(x) : half(x);
  }

  /** The source read by its type: only the low bits of the register count. */
  private long integer(long raw) {
    return extend(raw, from);
  }

  private static long extend(long value, PtxType type) {
    int unused = 64 - type.bits;
    return type.isSigned() ? value << unused >> unused : value << unused >>> unused;
  }

  private long clamp(long value) {
    if (from == PtxType.U64 && value < 0) {
      return to.isSigned() ? maximum() : to.bits == 64 ? value : maximum();
    }
    if (!to.isSigned()) {
      if (value < 0) {
        return 0;
      }
      return to.bits == 64 ? value : Math.min(value, maximum());
    }
    return to.bits == 64 ? value : Math.clamp(value, -maximum() - 1, maximum());
  }

  /** The largest value of the target, for all but u64. */
  private long maximum() {
    return to.isSigned() ? Long.MAX_VALUE >> (64 - to.bits) : (1L << to.bits) - 1;
  }

  private float fromInteger(long value) {
    boolean large = from == PtxType.U64 && value < 0;
    // Halving with a sticky bit keeps the rounding of values from 2⁶³ on.
    long signed = large ? value >>> 1 | (value & 1) : value;
    float nearest = large ? (float) signed * 2f : (float) signed;
    if (rounding == Rounding.RN || rounding == Rounding.NONE) {
      return nearest;
    }
    int order = compareExactly(nearest, value, large);
    return switch (rounding) {
      case RZ ->
          order != 0 && (order > 0) == (nearest > 0f)
              ? (nearest > 0f ? Math.nextDown(nearest) : Math.nextUp(nearest))
              : nearest;
      case RM -> order > 0 ? Math.nextDown(nearest) : nearest;
      default -> order < 0 ? Math.nextUp(nearest) : nearest;
    };
  }

  private static int compareExactly(float rounded, long value, boolean unsigned) {
    java.math.BigDecimal exact =
        new java.math.BigDecimal(unsigned ? Long.toUnsignedString(value) : Long.toString(value));
    return new java.math.BigDecimal(rounded).compareTo(exact);
  }

  private float integral(float x) {
    return switch (rounding) {
      case RNI -> (float) Math.rint(x);
      case RZI -> x < 0 ? (float) Math.ceil(x) : (float) Math.floor(x);
      case RMI -> (float) Math.floor(x);
      case RPI -> (float) Math.ceil(x);
      default -> x;
    };
  }

  private long toInteger(float x) {
    if (Float.isNaN(x)) {
      return to.bits == 64 ? Long.MIN_VALUE : 0;
    }
    double value = integral(x);
    if (to == PtxType.U64) {
      return value <= 0
          ? 0
          : value >= 0x1p64
              ? -1L
              : value >= 0x1p63 ? (long) (value - 0x1p63) ^ Long.MIN_VALUE : (long) value;
    }
    if (to == PtxType.S64) {
      return (long) value;
    }
    double low = to.isSigned() ? -maximum() - 1 : 0;
    return (long) Math.clamp(value, low, (double) maximum());
  }
}
