package dev.attune.ptx.emulate;

import static dev.attune.ptx.emulate.WarpgroupKernel.THREADS;
import static dev.attune.ptx.emulate.WarpgroupKernel.descriptor;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code wgmma} against a plain product in binary64, on random data without symmetry. Where an
 * element lies in shared memory is written out here from the canonical layouts of the PTX ISA.
 */
final class WarpgroupMultiplyTest {

  /** A random matrix of 16-bit values. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Matrix(int[][] bits, boolean bf16) {
    static Matrix random(int rows, int columns, boolean bf16, SplittableRandom random) {
      int[][] bits = new int[rows][columns];
      for (int[] row : bits) {
        Arrays.setAll(
            row,
            i -> {
              float x = (float) random.nextGaussian();
              return bf16 ? Scalars.toBf16(x) : Scalars.toF16(x);
            });
      }
      return new Matrix(bits, bf16);
    }

    int rows() {
      return bits.length;
    }

    int columns() {
      return bits[0].length;
    }

    double at(int row, int column) {
      int half = bits[row][column];
      return bf16 ? Scalars.fromBf16(half) : Scalars.fromF16(half);
    }
  }

  /** How a matrix lies in shared memory: rows of {@code width} bytes in slabs, swizzled. */
  private record Place(int start, int slab, int width, boolean across) {
    private int swizzle() {
      return switch (width) {
        case 128 -> 1;
        case 64 -> 2;
        case 32 -> 3;
        default -> 0;
      };
    }

    /** Rows are of k elements in K-major, of n elements across. */
    int address(int mn, int k) {
      int row = across ? k : mn;
      int byteInRow = 2 * (across ? mn : k);
      int slabOf = byteInRow / width;
      int within = byteInRow % width;
      int address = start + slabOf * slab + row * width + within;
      return switch (width) {
        case 128 -> address ^ ((address / 128 % 8) << 4);
        case 64 -> address ^ ((address / 128 % 4) << 4);
        case 32 -> address ^ ((address / 128 % 2) << 4);
        default -> address;
      };
    }

    void put(byte[] image, Matrix matrix, boolean kFirst) {
      for (int i = 0; i < matrix.rows(); i++) {
        for (int j = 0; j < matrix.columns(); j++) {
          WarpgroupKernel.put(image, kFirst ? address(j, i) : address(i, j), matrix.bits()[i][j]);
        }
      }
    }

    /** The descriptor of the sixteen k from {@code step·16} on. */
    long at(int step) {
      if (width == 16) {
        // Chunks of 8 × 16 bytes: the next eight rows follow at 128 bytes, the next eight
        // elements in a row at the slab stride.
        return across
            ? descriptor(start + 256 * step, 128, slab, 0, 0)
            : descriptor(start + 2 * slab * step, slab, 128, 0, 0);
      }
      int stride = 8 * width;
      if (across) {
        return descriptor(start + 2 * stride * step, slab, stride, 0, swizzle());
      }
      int byteInRow = 32 * step;
      return descriptor(
          start + byteInRow / width * slab + byteInRow % width, 16, stride, 0, swizzle());
    }
  }

  private static int round(int bytes) {
    return Math.ceilDiv(bytes, 1024) * 1024;
  }

  private static void check(
      Matrix a, Matrix b, boolean bByK, double start, double sign, float[][] found) {
    int depth = a.columns();
    int n = bByK ? b.columns() : b.rows();
    for (int i = 0; i < 64; i++) {
      for (int j = 0; j < n; j++) {
        double sum = start;
        double size = Math.abs(start);
        for (int k = 0; k < depth; k++) {
          double product = sign * a.at(i, k) * (bByK ? b.at(k, j) : b.at(j, k));
          sum += product;
          size += Math.abs(product);
        }
        assertEquals(sum, found[i][j], size * 0x1p-20, "row " + i + ", column " + j);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 16, 48, 64, 80, 96, 112, 128, 192, 256})
  void multipliesRowsByRows(int n) {
    // Q · Kᵀ with a head dimension that leaves most of the second slab unused.
    SplittableRandom random = new SplittableRandom(n);
    Matrix a = Matrix.random(64, 80, true, random);
    Matrix b = Matrix.random(n, 80, true, random);
    Place placeA = new Place(0, 64 * 128, 128, false);
    Place placeB = new Place(2 * 64 * 128, n * 128, 128, false);
    int image = round(2 * 64 * 128 + 2 * n * 128);
    byte[] input = new byte[image];
    placeA.put(input, a, false);
    placeB.put(input, b, false);
    StringBuilder code = new StringBuilder("wgmma.fence.sync.aligned;\n");
    for (int step = 0; step < 5; step++) {
      code.append(
          WarpgroupKernel.shared(
              n, "bf16", placeA.at(step), placeB.at(step), step == 0 ? "0" : "1", "1, 1, 0, 0"));
    }
    code.append("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n");
    String module = WarpgroupKernel.module(code.toString(), n, image, 0);
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      EmulatorOptions options = Kernels.options().withSchedule(n, policy, WarpOrder.RANDOM);
      check(a, b, false, 0, 1, WarpgroupKernel.run(module, n, image, input, options));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 16, 48, 64, 80, 96, 112, 128, 192, 256})
  void multipliesRegistersByColumns(int n) {
    // P · V: A in registers, V with its columns in slabs of 64.
    SplittableRandom random = new SplittableRandom(n);
    int depth = 48;
    Matrix a = Matrix.random(64, depth, true, random);
    Matrix b = Matrix.random(depth, n, true, random);
    Place placeB = new Place(1024, round(depth * 128), 128, true);
    int image = 1024 + Math.ceilDiv(n, 64) * placeB.slab();
    byte[] input = new byte[image + 4 * THREADS * 12];
    placeB.put(input, b, true);
    for (int i = 0; i < 12; i++) {
      for (int thread = 0; thread < THREADS; thread++) {
        int row = 16 * (thread / 32) + thread % 32 / 4 + (i % 2) * 8;
        int k = 16 * (i / 4) + thread % 4 * 2 + (i % 4 < 2 ? 0 : 8);
        int at = image + 4 * (THREADS * i + thread);
        WarpgroupKernel.put(input, at, a.bits()[row][k]);
        WarpgroupKernel.put(input, at + 2, a.bits()[row][k + 1]);
      }
    }
    StringBuilder code = new StringBuilder();
    for (int i = 0; i < n / 2; i++) {
      code.append("mov.f32 d").append(i).append(", 0f40400000;\n");
    }
    code.append("wgmma.fence.sync.aligned;\n");
    for (int step = 0; step < 3; step++) {
      code.append(WarpgroupKernel.registers(n, 4 * step, placeB.at(step), "yes", "1, 1, 1"));
    }
    code.append("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n");
    String module = WarpgroupKernel.module(code.toString(), n, image, 12);
    for (AsyncPolicy policy : AsyncPolicy.values()) {
      EmulatorOptions options = Kernels.options().withSchedule(n, policy, WarpOrder.REVERSE);
      check(a, b, true, 3, 1, WarpgroupKernel.run(module, n, image, input, options));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "128, false, 128, false, bf16, 1",
    "128, true, 128, true, bf16, -1",
    "64, false, 128, true, f16, 1",
    "64, true, 64, false, bf16, 1",
    "32, false, 32, true, bf16, -1",
    "32, true, 64, true, f16, -1",
    "16, false, 16, false, bf16, 1",
    "16, true, 16, true, f16, 1",
    "128, true, 32, false, bf16, 1",
  })
  void readsEveryLayout(
      int widthA, boolean acrossA, int widthB, boolean acrossB, String type, int sign) {
    boolean bf16 = type.equals("bf16");
    SplittableRandom random = new SplittableRandom(widthA + widthB);
    int depth = 64;
    int n = 72;
    Matrix a = Matrix.random(64, depth, bf16, random);
    Matrix b = Matrix.random(n, depth, bf16, random);
    Place placeA = new Place(0, round(64 * widthA), widthA, acrossA);
    int bytesA = 128 / widthA * placeA.slab();
    Place placeB = new Place(bytesA, round((acrossB ? depth : n) * widthB), widthB, acrossB);
    int image = bytesA + Math.ceilDiv(2 * n, widthB) * placeB.slab();
    byte[] input = new byte[image];
    placeA.put(input, a, false);
    placeB.put(input, b, false);
    StringBuilder code = new StringBuilder("wgmma.fence.sync.aligned;\n");
    String rest = "%d, 1, %d, %d".formatted(sign, acrossA ? 1 : 0, acrossB ? 1 : 0);
    for (int step = 0; step < depth / 16; step++) {
      code.append(
          WarpgroupKernel.shared(
              n, type, placeA.at(step), placeB.at(step), step == 0 ? "no" : "yes", rest));
    }
    code.append("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n");
    float[][] found =
        WarpgroupKernel.run(
            WarpgroupKernel.module(code.toString(), n, image, 0),
            n,
            image,
            input,
            Kernels.options());
    check(a, b, false, 0, sign, found);
  }
}
