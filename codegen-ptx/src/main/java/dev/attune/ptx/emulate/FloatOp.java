package dev.attune.ptx.emulate;

/**
 * Binary32 arithmetic. Results are rounded to nearest even; the {@code approx} functions are
 * computed in binary64 and rounded once, which is closer than devices promise. A multiplication and
 * an addition stay separate, which an assembler may fuse unless {@code .rn} is written.
 */
final class FloatOp extends Instruction {
  enum Kind {
    ADD,
    SUB,
    MUL,
    FMA,
    DIV,
    MIN,
    MAX,
    MIN_NAN,
    MAX_NAN,
    NEG,
    ABS,
    SQRT,
    RSQRT,
    RCP,
    EX2,
    LG2,
    SIN,
    COS,
    TANH
  }

  private final Kind kind;
  private final boolean flush;
  private final boolean saturate;
  private final int d;
  private final int a;
  private final int b;
  private final int c;

  FloatOp(Header header, Kind kind, boolean flush, boolean saturate, int d, int a, int b, int c) {
    super(header);
    this.kind = kind;
    this.flush = flush;
    this.saturate = saturate;
    this.d = d;
    this.a = a;
    this.b = b;
    this.c = c;
  }

  @Override
  void execute(Warp warp, int mask) {
    int[] r = warp.ints;
    int to = mask == -1 ? d : 0;
    if (flush || saturate) {
      general(r, to);
    } else {
      plain(r, to);
    }
    if (mask != -1) {
      blend(r, 0, d, mask);
    }
  }

  private void general(int[] r, int d) {
    for (int i = 0; i < 32; i++) {
      float x = Float.intBitsToFloat(r[a + i]);
      float y = Float.intBitsToFloat(r[b + i]);
      float z = Float.intBitsToFloat(r[c + i]);
      float result =
          flush
              ? Scalars.flush(one(Scalars.flush(x), Scalars.flush(y), Scalars.flush(z)))
              : one(x, y, z);
      r[d + i] = Scalars.bits(saturate ? Scalars.saturate(result) : result);
    }
  }

  private void plain(int[] r, int d) {
    switch (kind) {
      case ADD -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = Scalars.bits(Float.intBitsToFloat(r[a + i]) + Float.intBitsToFloat(r[b + i]));
        }
      }
      case SUB -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = Scalars.bits(Float.intBitsToFloat(r[a + i]) - Float.intBitsToFloat(r[b + i]));
        }
      }
      case MUL -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = Scalars.bits(Float.intBitsToFloat(r[a + i]) * Float.intBitsToFloat(r[b + i]));
        }
      }
      case FMA -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] =
              Scalars.bits(
                  Math.fma(
                      Float.intBitsToFloat(r[a + i]),
                      Float.intBitsToFloat(r[b + i]),
                      Float.intBitsToFloat(r[c + i])));
        }
      }
      default -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] =
              Scalars.bits(
                  one(
                      Float.intBitsToFloat(r[a + i]),
                      Float.intBitsToFloat(r[b + i]),
                      Float.intBitsToFloat(r[c + i])));
        }
      }
    }
  }

  private float one(float x, float y, float z) {
    return switch (kind) {
      case ADD -> x + y;
      case SUB -> x - y;
      case MUL -> x * y;
      case FMA -> Math.fma(x, y, z);
      case DIV -> x / y;
      case MIN -> Float.isNaN(x) ? y : Float.isNaN(y) ? x : Math.min(x, y);
      case MAX -> Float.isNaN(x) ? y : Float.isNaN(y) ? x : Math.max(x, y);
      case MIN_NAN -> Math.min(x, y);
      case MAX_NAN -> Math.max(x, y);
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case SQRT -> (float) Math.sqrt(x);
      case RSQRT -> (float) (1.0 / Math.sqrt(x));
      case RCP -> 1f / x;
      case EX2 -> Scalars.exp2(x);
      case LG2 -> Scalars.log2(x);
      case SIN -> (float) Math.sin(x);
      case COS -> (float) Math.cos(x);
      case TANH -> (float) Math.tanh(x);
    };
  }
}
