package dev.attune.ptx.emulate;

import java.util.Arrays;

/**
 * {@code mma.sync.m16n8k8} and {@code m16n8k16} with row-major A, column-major B of 16-bit floats
 * and a binary32 accumulator. With g = lane / 4 and t = lane mod 4, register r of A holds row g +
 * 8(r mod 2), columns 2t + 8(r / 2) and the next; register r of B rows 2t + 8r and the next, column
 * g; C has rows g and g + 8, columns 2t and 2t + 1.
 */
final class MatrixMultiply extends Instruction {
  private static final TensorCore AMPERE = new TensorCore(false);
  private static final TensorCore HOPPER = new TensorCore(true);

  private final int[] d;
  private final int[] a;
  private final int[] b;
  private final int[] c;
  private final boolean bf16;
  private final int k;

  MatrixMultiply(Header header, int[] d, int[] a, int[] b, int[] c, boolean bf16) {
    super(header);
    this.d = d;
    this.a = a;
    this.b = b;
    this.c = c;
    this.bf16 = bf16;
    this.k = 8 * b.length;
  }

  @Override
  boolean convergent() {
    return true;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (!warp.gathered(-1, "mma")) {
      return;
    }
    warp.counters.mmaInstructions++;
    int[] r = warp.ints;
    double[] left = new double[16 * k];
    int[] leftExponents = new int[16 * k];
    TensorCore.unpack(gatherLeft(r), bf16, left, leftExponents);
    double[] right = new double[8 * k];
    int[] rightExponents = new int[8 * k];
    TensorCore.unpack(gatherRight(r), bf16, right, rightExponents);
    boolean[] finiteRow = finite(left, 16);
    boolean[] finiteColumn = finite(right, 8);
    TensorCore core = warp.cta.launch().hopper() ? HOPPER : AMPERE;
    int[] result = new int[128];
    for (int row = 0; row < 16; row++) {
      for (int column = 0; column < 8; column++) {
        int lane = (4 * (row & 7)) + (column >> 1);
        int register = (2 * (row >> 3)) + (column & 1);
        float accumulator = Float.intBitsToFloat(r[c[register] + lane]);
        float sum =
            finiteRow[row] && finiteColumn[column] && Float.isFinite(accumulator)
                ? core.dot(
                    left, leftExponents, row * k, right, rightExponents, column * k, k, accumulator)
                : TensorCore.special(left, row * k, right, column * k, k, accumulator);
        result[(32 * register) + lane] = Scalars.bits(sum);
      }
    }
    for (int register = 0; register < 4; register++) {
      System.arraycopy(result, 32 * register, r, d[register], 32);
    }
  }

  private int[] gatherLeft(int[] r) {
    int[] halves = new int[16 * k];
    for (int register = 0; register < a.length; register++) {
      for (int lane = 0; lane < 32; lane++) {
        int row = (lane >> 2) + (8 * (register & 1));
        int at = (row * k) + (2 * (lane & 3)) + (8 * (register >> 1));
        int pair = r[a[register] + lane];
        halves[at] = pair & 0xFFFF;
        halves[at + 1] = pair >>> 16;
      }
    }
    return halves;
  }

  /** B by columns, so that both operands of a dot product are contiguous. */
  private int[] gatherRight(int[] r) {
    int[] halves = new int[8 * k];
    for (int register = 0; register < b.length; register++) {
      for (int lane = 0; lane < 32; lane++) {
        int at = ((lane >> 2) * k) + (2 * (lane & 3)) + (8 * register);
        int pair = r[b[register] + lane];
        halves[at] = pair & 0xFFFF;
        halves[at + 1] = pair >>> 16;
      }
    }
    return halves;
  }

  /** Which of the vectors that make up {@code values} have no infinity and no NaN. */
  private boolean[] finite(double[] values, int vectors) {
    boolean[] finite = new boolean[vectors];
    Arrays.fill(finite, true);
    for (int i = 0; i < vectors * k; i++) {
      finite[i / k] &= Double.isFinite(values[i]);
    }
    return finite;
  }
}
