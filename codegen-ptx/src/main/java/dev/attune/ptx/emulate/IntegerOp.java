package dev.attune.ptx.emulate;

/**
 * Integer and bit arithmetic on registers of up to 32 bits. A 16-bit instruction works on operands
 * extended by the signedness of its type and keeps the low half of the result.
 */
final class IntegerOp extends Instruction {
  enum Kind {
    MOV,
    ADD,
    SUB,
    MUL_LO,
    MUL_HI_S,
    MUL_HI_U,
    MAD_LO,
    MAD_HI_S,
    MAD_HI_U,
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
    LOP3,
    PRMT,
    BFE_S,
    BFE_U,
    BFI,
    POPC,
    CLZ,
    BFIND,
    BREV,
    SHF_L_WRAP,
    SHF_L_CLAMP,
    SHF_R_WRAP,
    SHF_R_CLAMP
  }

  /** How a 16-bit instruction extends its operands. */
  enum Narrow {
    NO,
    SIGNED,
    UNSIGNED
  }

  private final Kind kind;
  private final Narrow narrow;
  private final boolean narrowResult;
  private final int d;
  private final int a;
  private final int b;
  private final int c;
  private final int e;

  /** {@code e} is the fourth operand of {@code bfi}, or the table of {@code lop3}. */
  IntegerOp(
      Header header,
      Kind kind,
      Narrow narrow,
      boolean narrowResult,
      int d,
      int a,
      int b,
      int c,
      int e) {
    super(header);
    this.kind = kind;
    this.narrow = narrow;
    this.narrowResult = narrowResult;
    this.d = d;
    this.a = a;
    this.b = b;
    this.c = c;
    this.e = e;
  }

  @Override
  void execute(Warp warp, int mask) {
    int[] r = warp.ints;
    int to = mask == -1 ? d : 0;
    if (narrow == Narrow.NO) {
      compute(r, to, a, b, c);
    } else {
      // Shift amounts are 32-bit even in 16-bit instructions and are never extended.
      boolean shift = kind == Kind.SHL || kind == Kind.SHR_S || kind == Kind.SHR_U;
      extend(r, a, 32);
      extend(r, b, 64);
      extend(r, c, 96);
      compute(r, to, 32, shift ? b : 64, kind == Kind.MAD_LO && !narrowResult ? c : 96);
      if (narrowResult) {
        for (int i = 0; i < 32; i++) {
          r[to + i] &= 0xFFFF;
        }
      }
    }
    if (mask != -1) {
      blend(r, 0, d, mask);
    }
  }

  private void extend(int[] r, int from, int to) {
    if (narrow == Narrow.SIGNED) {
      for (int i = 0; i < 32; i++) {
        r[to + i] = (short) r[from + i];
      }
    } else {
      for (int i = 0; i < 32; i++) {
        r[to + i] = r[from + i] & 0xFFFF;
      }
    }
  }

  private void compute(int[] r, int d, int a, int b, int c) {
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
      case AND -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] & r[b + i];
        }
      }
      case OR -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] | r[b + i];
        }
      }
      case XOR -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = r[a + i] ^ r[b + i];
        }
      }
      case NOT -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = ~r[a + i];
        }
      }
      case SHL -> {
        for (int i = 0; i < 32; i++) {
          int n = r[b + i];
          r[d + i] = (n & ~31) == 0 ? r[a + i] << n : 0;
        }
      }
      case SHR_S -> {
        for (int i = 0; i < 32; i++) {
          int n = r[b + i];
          r[d + i] = r[a + i] >> ((n & ~31) == 0 ? n : 31);
        }
      }
      case SHR_U -> {
        for (int i = 0; i < 32; i++) {
          int n = r[b + i];
          r[d + i] = (n & ~31) == 0 ? r[a + i] >>> n : 0;
        }
      }
      case MIN_S -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = Math.min(r[a + i], r[b + i]);
        }
      }
      case MAX_S -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = Math.max(r[a + i], r[b + i]);
        }
      }
      case LOP3 -> lop3(r, d, a, b, c, e);
      default -> {
        for (int i = 0; i < 32; i++) {
          r[d + i] = rare(r[a + i], r[b + i], r[c + i], kind == Kind.BFI ? r[e + i] : 0);
        }
      }
    }
  }

  private static void lop3(int[] r, int d, int a, int b, int c, int table) {
    for (int i = 0; i < 32; i++) {
      int x = r[a + i];
      int y = r[b + i];
      int z = r[c + i];
      int result = 0;
      for (int row = 0; row < 8; row++) {
        if ((table >> row & 1) != 0) {
          result |=
              ((row & 4) != 0 ? x : ~x) & ((row & 2) != 0 ? y : ~y) & ((row & 1) != 0 ? z : ~z);
        }
      }
      r[d + i] = result;
    }
  }

  /** One lane of the operations that hot loops seldom use. */
  private int rare(int x, int y, int z, int w) {
    return switch (kind) {
      case MUL_HI_S -> (int) (((long) x * y) >> 32);
      case MUL_HI_U -> (int) (((x & 0xFFFF_FFFFL) * (y & 0xFFFF_FFFFL)) >>> 32);
      case MAD_HI_S -> (int) (((long) x * y) >> 32) + z;
      case MAD_HI_U -> (int) (((x & 0xFFFF_FFFFL) * (y & 0xFFFF_FFFFL)) >>> 32) + z;
      // Division by zero is unspecified in PTX; all ones is what devices give.
      case DIV_S -> y == 0 ? -1 : x / y;
      case DIV_U -> y == 0 ? -1 : Integer.divideUnsigned(x, y);
      case REM_S -> y == 0 ? x : x % y;
      case REM_U -> y == 0 ? x : Integer.remainderUnsigned(x, y);
      case MIN_U -> Integer.compareUnsigned(x, y) < 0 ? x : y;
      case MAX_U -> Integer.compareUnsigned(x, y) > 0 ? x : y;
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case PRMT -> permute(x, y, z);
      case BFE_S -> extract(x, y, z, true);
      case BFE_U -> extract(x, y, z, false);
      case BFI -> insert(x, y, z, w);
      case POPC -> Integer.bitCount(x);
      case CLZ -> Integer.numberOfLeadingZeros(x);
      case BFIND -> 31 - Integer.numberOfLeadingZeros(x);
      case BREV -> Integer.reverse(x);
      case SHF_L_WRAP -> funnel(x, y, 32 - (z & 31));
      case SHF_L_CLAMP -> funnel(x, y, 32 - clamp32(z));
      case SHF_R_WRAP -> funnel(x, y, z & 31);
      case SHF_R_CLAMP -> funnel(x, y, clamp32(z));
      default -> throw new AssertionError(kind);
    };
  }

  private static int clamp32(int n) {
    return Integer.compareUnsigned(n, 32) < 0 ? n : 32;
  }

  /** The low 32 bits of {@code high:low >> shift}, 0 ≤ shift ≤ 32. */
  private static int funnel(int low, int high, int shift) {
    return (int) (((long) high << 32 | (low & 0xFFFF_FFFFL)) >>> shift);
  }

  private static int permute(int x, int y, int selector) {
    long bytes = (x & 0xFFFF_FFFFL) | (long) y << 32;
    int result = 0;
    for (int i = 0; i < 4; i++) {
      int choice = selector >> (4 * i) & 15;
      int value = (int) (bytes >>> (8 * (choice & 7))) & 0xFF;
      if ((choice & 8) != 0) {
        value = (value & 0x80) != 0 ? 0xFF : 0;
      }
      result |= value << (8 * i);
    }
    return result;
  }

  private static int extract(int x, int position, int length, boolean signed) {
    int pos = position & 0xFF;
    int len = length & 0xFF;
    int sign = 0;
    if (signed && len != 0) {
      sign = x >>> Math.min(pos + len - 1, 31) & 1;
    }
    int result = 0;
    for (int i = 0; i < 32; i++) {
      int bit = i < len && pos + i < 32 ? x >>> (pos + i) & 1 : sign;
      result |= bit << i;
    }
    return result;
  }

  private static int insert(int from, int into, int position, int length) {
    int pos = position & 0xFF;
    int len = length & 0xFF;
    int result = into;
    for (int i = 0; i < len && pos + i < 32; i++) {
      int bit = from >>> i & 1;
      result = (result & ~(1 << (pos + i))) | bit << (pos + i);
    }
    return result;
  }
}
