package dev.attune.runtime.vectors;

import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Left;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Products of a warpgroup in the three ways in which attention takes them: scores, with Q in shared
 * memory or in registers and K by rows, and the output, with weights in registers and V by columns,
 * added to what is there. Operands in shared memory lie in slabs of 64 columns with the 128-byte
 * swizzle, or of 32 with the 64-byte one.
 */
final class WarpgroupCases {
  private static final int THREADS = 128;
  private static final int ROWS = 64;
  private static final int INNER = 16;

  /** Columns of the products whose numbers matter more than their places. */
  private static final int NARROW = 16;

  /** Keys of a tile of V. */
  private static final int KEYS = 32;

  private WarpgroupCases() {}

  private enum Slab {
    WIDE(64, "", 1),
    HALF(32, ".half", 2);

    private final int columns;
    private final String suffix;
    private final int swizzle;

    Slab(int columns, String suffix, int swizzle) {
      this.columns = columns;
      this.suffix = suffix;
      this.swizzle = swizzle;
    }

    int pitch() {
      return 2 * columns;
    }

    /** A descriptor's upper word: from atom to atom of 8 rows, and the swizzle. */
    int upper() {
      return 8 * pitch() / 16 | swizzle << 30;
    }

    /** The offset of step k along the rows of slabs, as a descriptor counts. */
    int step(int k, int rows) {
      int steps = columns / INNER;
      return (k / steps * rows * pitch() + k % steps * 2 * INNER) / 16;
    }
  }

  static List<GoldenCase> all() {
    List<GoldenCase> all = new ArrayList<>();
    for (Dtype dtype : Dtype.values()) {
      // A tile has a multiple of 16 keys up to 256, V a multiple of 8 columns.
      for (int columns = 8; columns <= 256; columns += 8) {
        if (columns % 16 == 0) {
          all.add(scores(dtype, columns, 64, true, Values.Kind.INTEGERS, Slab.WIDE));
          all.add(scores(dtype, columns, 64, false, Values.Kind.INTEGERS, Slab.WIDE));
        }
        all.add(output(dtype, columns, Values.Kind.INTEGERS, Slab.WIDE));
      }
      all.add(scores(dtype, 2 * NARROW, 128, true, Values.Kind.INTEGERS, Slab.WIDE));
      for (int columns : new int[] {32, 96, 128, 256}) {
        all.add(scores(dtype, columns, 96, true, Values.Kind.INTEGERS, Slab.HALF));
        all.add(scores(dtype, columns, 32, false, Values.Kind.INTEGERS, Slab.HALF));
      }
      for (int columns : new int[] {8, 32, 72, 96, 160, 224}) {
        all.add(output(dtype, columns, Values.Kind.INTEGERS, Slab.HALF));
      }
      for (Values.Kind kind : Values.Kind.values()) {
        if (kind != Values.Kind.INTEGERS) {
          all.add(scores(dtype, NARROW, 64, true, kind, Slab.WIDE));
          all.add(scores(dtype, NARROW, 64, false, kind, Slab.WIDE));
          all.add(output(dtype, NARROW, kind, Slab.WIDE));
        }
      }
    }
    return all;
  }

  private static String name(
      String what, Dtype dtype, int columns, int depth, Values.Kind kind, Slab slab) {
    String values = kind.name().toLowerCase(Locale.ROOT);
    return "wgmma.%s.%s.n%d.k%d.%s%s"
        .formatted(what, dtype.keyword(), columns, depth, values, slab.suffix);
  }

  /**
   * 64 queries times keys.
   *
   * @param columns keys
   * @param depth the head dimension, in whole slabs
   */
  private static GoldenCase scores(
      Dtype dtype, int columns, int depth, boolean shared, Values.Kind kind, Slab slab) {
    String name = name(shared ? "ss" : "rs", dtype, columns, depth, kind, slab);
    Values values = new Values(name);
    int slabs = depth / slab.columns;
    int left = shared ? slabs * ROWS * slab.pitch() : 0;
    int image = left + slabs * columns * slab.pitch();
    int steps = depth / INNER;
    KernelCode code = new KernelCode(THREADS, image);
    code.fill(image);
    List<List<Reg>> fragments = new ArrayList<>();
    for (int k = 0; !shared && k < steps; k++) {
      fragments.add(code.next(Reg.Kind.B32, 4));
    }
    Reg a = descriptor(code, 0, 1, slab);
    Reg b = descriptor(code, left, 1, slab);
    List<Reg> d = code.fresh(Reg.Kind.F32, columns / 2);
    begin(code);
    for (int k = 0; k < steps; k++) {
      Left first =
          shared
              ? new Left.Shared(at(code, a, slab.step(k, ROWS)))
              : new Left.Registers(fragments.get(k));
      code.add(new Inst.Wgmma(dtype, d, first, at(code, b, slab.step(k, columns)), k > 0, false));
    }
    end(code, d);
    int inRegisters = shared ? 0 : ROWS * depth;
    byte[] input = values.halves(dtype, kind, image / 2 + inRegisters);
    return code.golden(name, input, Agreement.BITS);
  }

  /** Weights of 32 keys times V of so many columns, added to the output so far. */
  private static GoldenCase output(Dtype dtype, int columns, Values.Kind kind, Slab slab) {
    String name = name("output", dtype, columns, KEYS, kind, slab);
    Values values = new Values(name);
    int bytes = KEYS * slab.pitch();
    int image = Math.ceilDiv(columns, slab.columns) * bytes;
    int steps = KEYS / INNER;
    KernelCode code = new KernelCode(THREADS, image);
    code.fill(image);
    List<List<Reg>> fragments = new ArrayList<>();
    for (int k = 0; k < steps; k++) {
      fragments.add(code.next(Reg.Kind.B32, 4));
    }
    List<Reg> d = code.next(Reg.Kind.F32, columns / 2);
    Reg b = descriptor(code, 0, bytes / 16, slab);
    begin(code);
    for (int k = 0; k < steps; k++) {
      Left weights = new Left.Registers(fragments.get(k));
      Reg moved = at(code, b, k * INNER * slab.pitch() / 16);
      code.add(new Inst.Wgmma(dtype, d, weights, moved, true, true));
    }
    end(code, d);
    byte[] input =
        Values.join(
            values.halves(dtype, kind, image / 2 + ROWS * KEYS),
            Values.bytes(values.sums(dtype, kind, ROWS * columns)));
    return code.golden(name, input, Agreement.BITS);
  }

  /** A descriptor of a matrix in shared memory. */
  private static Reg descriptor(KernelCode code, int offset, int leading, Slab slab) {
    var emit = code.emit();
    var start = emit.arith(IntOp.ADD, Ty.S32, code.shared(), new IntConst(offset));
    var inside = emit.arith(IntOp.AND, Ty.B32, start, new IntConst(0x3FFFF));
    var chunks = emit.arith(IntOp.SHR, Ty.S32, inside, new IntConst(4));
    var low = emit.arith(IntOp.OR, Ty.B32, chunks, new IntConst((long) leading << 16));
    Reg descriptor = emit.fresh(Reg.Kind.B64);
    code.add(new Inst.Join(descriptor, low, new IntConst(slab.upper())));
    return descriptor;
  }

  private static Reg at(KernelCode code, Reg descriptor, int offset) {
    return (Reg) code.emit().arith(IntOp.ADD, Ty.S64, descriptor, new IntConst(offset));
  }

  private static void begin(KernelCode code) {
    code.add(new Inst.FenceProxyAsync());
    code.add(new Inst.BarSync(0));
    code.add(new Inst.WgmmaFence());
  }

  private static void end(KernelCode code, List<Reg> d) {
    code.add(new Inst.WgmmaCommit());
    code.add(new Inst.WgmmaWait(0));
    d.forEach(code::store);
  }
}
