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
 * swizzle.
 */
final class WarpgroupCases {
  private static final int THREADS = 128;
  private static final int ROWS = 64;
  private static final int INNER = 16;
  private static final int SLAB_COLUMNS = 64;
  private static final int PITCH = 128;

  /** 8 rows of 128 bytes from atom to atom, and the 128-byte swizzle: a descriptor's upper word. */
  private static final int UPPER = 1024 / 16 | 1 << 30;

  /** Columns of the products whose numbers matter more than their places. */
  private static final int NARROW = 16;

  private WarpgroupCases() {}

  static List<GoldenCase> all() {
    List<GoldenCase> all = new ArrayList<>();
    for (Dtype dtype : Dtype.values()) {
      // A tile has a multiple of 16 keys up to 256, V a multiple of 8 columns.
      for (int columns = 8; columns <= 256; columns += 8) {
        if (columns % 16 == 0) {
          all.add(scores(dtype, columns, SLAB_COLUMNS, true, Values.Kind.INTEGERS));
          all.add(scores(dtype, columns, SLAB_COLUMNS, false, Values.Kind.INTEGERS));
        }
        all.add(output(dtype, columns, Values.Kind.INTEGERS));
      }
      all.add(scores(dtype, 2 * NARROW, 2 * SLAB_COLUMNS, true, Values.Kind.INTEGERS));
      for (Values.Kind kind : Values.Kind.values()) {
        if (kind != Values.Kind.INTEGERS) {
          all.add(scores(dtype, NARROW, SLAB_COLUMNS, true, kind));
          all.add(scores(dtype, NARROW, SLAB_COLUMNS, false, kind));
          all.add(output(dtype, NARROW, kind));
        }
      }
    }
    return all;
  }

  private static String name(String what, Dtype dtype, int columns, int depth, Values.Kind kind) {
    return "wgmma.%s.%s.n%d.k%d.%s"
        .formatted(what, dtype.keyword(), columns, depth, kind.name().toLowerCase(Locale.ROOT));
  }

  /**
   * 64 queries times keys.
   *
   * @param columns keys
   * @param depth the head dimension, in whole slabs
   */
  private static GoldenCase scores(
      Dtype dtype, int columns, int depth, boolean shared, Values.Kind kind) {
    String name = name(shared ? "ss" : "rs", dtype, columns, depth, kind);
    Values values = new Values(name);
    int slabs = depth / SLAB_COLUMNS;
    int left = shared ? slabs * ROWS * PITCH : 0;
    int image = left + slabs * columns * PITCH;
    int steps = depth / INNER;
    KernelCode code = new KernelCode(THREADS, image);
    code.fill(image);
    List<List<Reg>> fragments = new ArrayList<>();
    for (int k = 0; !shared && k < steps; k++) {
      fragments.add(code.next(Reg.Kind.B32, 4));
    }
    Reg a = descriptor(code, 0, 1);
    Reg b = descriptor(code, left, 1);
    List<Reg> d = code.fresh(Reg.Kind.F32, columns / 2);
    begin(code);
    for (int k = 0; k < steps; k++) {
      Left first =
          shared
              ? new Left.Shared(at(code, a, step(k, ROWS)))
              : new Left.Registers(fragments.get(k));
      code.add(new Inst.Wgmma(dtype, d, first, at(code, b, step(k, columns)), k > 0, false));
    }
    end(code, d);
    int inRegisters = shared ? 0 : ROWS * depth;
    byte[] input = values.halves(dtype, kind, image / 2 + inRegisters);
    return code.golden(name, input, Agreement.BITS);
  }

  /** Weights of 32 keys times V of so many columns, added to the output so far. */
  private static GoldenCase output(Dtype dtype, int columns, Values.Kind kind) {
    int keys = 32;
    String name = name("output", dtype, columns, keys, kind);
    Values values = new Values(name);
    int slab = keys * PITCH;
    int image = Math.ceilDiv(columns, SLAB_COLUMNS) * slab;
    int steps = keys / INNER;
    KernelCode code = new KernelCode(THREADS, image);
    code.fill(image);
    List<List<Reg>> fragments = new ArrayList<>();
    for (int k = 0; k < steps; k++) {
      fragments.add(code.next(Reg.Kind.B32, 4));
    }
    List<Reg> d = code.next(Reg.Kind.F32, columns / 2);
    Reg b = descriptor(code, 0, slab / 16);
    begin(code);
    for (int k = 0; k < steps; k++) {
      Left weights = new Left.Registers(fragments.get(k));
      Reg moved = at(code, b, k * INNER * PITCH / 16);
      code.add(new Inst.Wgmma(dtype, d, weights, moved, true, true));
    }
    end(code, d);
    byte[] input =
        Values.join(
            values.halves(dtype, kind, image / 2 + ROWS * keys),
            Values.bytes(values.sums(dtype, kind, ROWS * columns)));
    return code.golden(name, input, Agreement.BITS);
  }

  /** The offset of step k along the rows of slabs, as a descriptor counts. */
  private static int step(int k, int rows) {
    int perSlab = SLAB_COLUMNS / INNER;
    return (k / perSlab * rows * PITCH + k % perSlab * 2 * INNER) / 16;
  }

  /** A descriptor of a matrix in shared memory. */
  private static Reg descriptor(KernelCode code, int offset, int leading) {
    var emit = code.emit();
    var start = emit.arith(IntOp.ADD, Ty.S32, code.shared(), new IntConst(offset));
    var inside = emit.arith(IntOp.AND, Ty.B32, start, new IntConst(0x3FFFF));
    var chunks = emit.arith(IntOp.SHR, Ty.S32, inside, new IntConst(4));
    var low = emit.arith(IntOp.OR, Ty.B32, chunks, new IntConst((long) leading << 16));
    Reg descriptor = emit.fresh(Reg.Kind.B64);
    code.add(new Inst.Join(descriptor, low, new IntConst(UPPER)));
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
