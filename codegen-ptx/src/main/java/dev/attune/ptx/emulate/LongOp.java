package dev.attune.ptx.emulate;

/** Integer and bit arithmetic on 64-bit registers. */
final class LongOp extends Instruction {
  enum Kind {
    MOV,
    ADD,
    SUB,
    MUL_LO,
    MUL_HI_S,
    MUL_HI_U,
    MAD_LO,
    DIV_S,
    DIV_U,
    REM_S,
    REM_U,
    MIN_S,
    MIN_U,
    MAX_S,
    MAX_U,
    NEG,
    ABS,
    AND,
    OR,
    XOR,
    NOT,
    SHL,
    SHR_S,
    SHR_U,
    POPC,
    CLZ,
    /** 32-bit operands, 64-bit product and addend. */
    MUL_WIDE_S,
    MUL_WIDE_U,
    MAD_WIDE_S,
    MAD_WIDE_U
  }

  private final Kind kind;
  private final int d;
  private final int a;
  private final int b;
  private final int c;

  /**
   * For shifts {@code b} is a 32-bit register, for wide products {@code a} and {@code b} are, for
   * the counts {@code d} is.
   */
  LongOp(Header header, Kind kind, int d, int a, int b, int c) {
    super(header);
    this.kind = kind;
    this.d = d;
    this.a = a;
    this.b = b;
    this.c = c;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (kind == Kind.POPC || kind == Kind.CLZ) {
      count(warp, mask);
      return;
    }
    long[] r = warp.longs;
    int to = mask == -1 ? d : 0;
    compute(r, warp.ints, to);
    if (mask != -1) {
      blend(r, 0, d, mask);
    }
  }

  private void count(Warp warp, int mask) {
    for (int i = 0; i < 32; i++) {
      if ((mask >>> i & 1) != 0) {
        long x = warp.longs[a + i];
        warp.ints[d + i] = kind == Kind.POPC ? Long.bitCount(x) : Long.numberOfLeadingZeros(x);
      }
    }
  }

  private void compute(long[] r, int[] n, int d) {
    switch (kind) {
      case MOV -> System.arraycopy(r, a, r, d, 32);
      case ADD -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] + r[b + i];
        }
      }
      case SUB -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] - r[b + i];
        }
      }
      case MUL_LO -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] * r[b + i];
        }
      }
      case MAD_LO -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = (r[a + i] * r[b + i]) + r[c + i];
        }
      }
      case MUL_WIDE_S -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = (long) n[a + i] * n[b + i];
        }
      }
      case MUL_WIDE_U -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = (n[a + i] & 0xFFFF_FFFFL) * (n[b + i] & 0xFFFF_FFFFL);
        }
      }
      case MAD_WIDE_S -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = ((long) n[a + i] * n[b + i]) + r[c + i];
        }
      }
      case MAD_WIDE_U -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = ((n[a + i] & 0xFFFF_FFFFL) * (n[b + i] & 0xFFFF_FFFFL)) + r[c + i];
        }
      }
      case SHL, SHR_S, SHR_U -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = shift(r[a + i], n[b + i]);
        }
      }
      default -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = rare(r[a + i], r[b + i]);
        }
      }
    }
  }

  private long shift(long x, int n) {
    boolean inside = (n & ~63) == 0;
    return switch (kind) {
      case SHL -> inside ? x << n : 0;
      case SHR_S -> x >> (inside ? n : 63);
      default -> inside ? x >>> n : 0;
    };
  }

  private long rare(long x, long y) {
    return switch (kind) {
      case MUL_HI_S -> Math.multiplyHigh(x, y);
      case MUL_HI_U -> Math.unsignedMultiplyHigh(x, y);
      // Division by zero is unspecified in PTX; all ones is what devices give.
      case DIV_S -> y == 0 ? -1 : x / y;
      case DIV_U -> y == 0 ? -1 : Long.divideUnsigned(x, y);
      case REM_S -> y == 0 ? x : x % y;
      case REM_U -> y == 0 ? x : Long.remainderUnsigned(x, y);
      case MIN_S -> Math.min(x, y);
      case MAX_S -> Math.max(x, y);
      case MIN_U -> Long.compareUnsigned(x, y) < 0 ? x : y;
      case MAX_U -> Long.compareUnsigned(x, y) > 0 ? x : y;
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case AND -> x & y;
      case OR -> x | y;
      case XOR -> x ^ y;
      case NOT -> ~x;
      default -> throw new AssertionError(kind);
    };
  }
}
