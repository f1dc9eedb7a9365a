package dev.attune.ptx.hopper;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Left;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Held;
import dev.attune.ptx.select.RegisterCode;
import java.util.List;

/**
 * The two products of attention as groups of {@code wgmma}, and the descriptors of their operands
 * in shared memory (PTX ISA, "Matrix Descriptor Format"). Addresses and offsets in a descriptor
 * count 16 bytes.
 */
final class Products {
  /** The modes of the 128-byte and the 64-byte swizzle, in the upper word. */
  private static final int SWIZZLE_128 = 1 << 30;

  private static final int SWIZZLE_64 = 2 << 30;

  private static final int INNER = 16;

  private final Emitter emit;
  private final Dtype dtype;
  private final HopperLayout layout;
  private final HeadDim dim;
  private final Reg upper;

  Products(Emitter emit, Dtype dtype, HopperLayout layout, HeadDim dim) {
    this.emit = emit;
    this.dtype = dtype;
    this.layout = layout;
    this.dim = dim;
    this.upper = emit.fresh(Reg.Kind.B32);
    int eightRows = 8 * layout.pitch() / 16;
    int swizzle = layout.wide() ? SWIZZLE_128 : SWIZZLE_64;
    emit.add(new Inst.Mov(upper, new IntConst(eightRows | swizzle)));
  }

  /**
   * The lower word of the descriptor of an operand's first buffer.
   *
   * @param address of the buffer
   */
  Reg lower(Operand operand, Reg address) {
    // The leading dimension: for V, MN-major, from slab to slab; K-major operands ignore it.
    int leading = operand == Operand.V ? layout.slab(operand) / 16 : 1;
    var inside = emit.arith(IntOp.AND, Ty.B32, address, new IntConst(0x3FFFF));
    var chunks = emit.arith(IntOp.SHR, Ty.S32, inside, new IntConst(4));
    return (Reg) emit.arith(IntOp.OR, Ty.B32, chunks, new IntConst((long) leading << 16));
  }

  /** The descriptor with a lower word. */
  Held.Matrix matrix(Reg lower) {
    Reg descriptor = emit.fresh(Reg.Kind.B64);
    emit.add(new Inst.Join(descriptor, lower, upper));
    return new Held.Matrix(descriptor);
  }

  /** Starts {@code into = Q·Kᵀ}. */
  void scores(Held query, Held.Matrix key, Reg[][][] into) {
    List<Reg> d = RegisterCode.flatten(into);
    int steps = steps();
    for (int k = 0; k < steps; k++) {
      Left a =
          switch (query) {
            case Held.LeftOperands q -> new Left.Registers(List.of(q.regs()[0][k]));
            case Held.Matrix q -> new Left.Shared(at(q.descriptor(), inner(k, Operand.Q)));
            default -> throw new IllegalStateException("no left operand: " + query);
          };
      Reg b = at(key.descriptor(), inner(k, Operand.K));
      emit.add(new Inst.Wgmma(dtype, d, a, b, k > 0, false));
    }
  }

  /** Starts {@code into += P·V}. */
  void output(Held.LeftOperands weights, Held.Matrix value, Reg[][][] into) {
    List<Reg> d = RegisterCode.flatten(into);
    for (int k = 0; k < layout.cols() / INNER; k++) {
      Reg b = at(value.descriptor(), k * INNER * layout.pitch() / 16);
      Left a = new Left.Registers(List.of(weights.regs()[0][k]));
      emit.add(new Inst.Wgmma(dtype, d, a, b, true, true));
    }
  }

  /** Steps of 16 along the head dimension. */
  int steps() {
    return Math.ceilDiv(dim.qk(), INNER);
  }

  /** The offset of step k in a K-major operand. */
  private int inner(int k, Operand operand) {
    int steps = layout.slabColumns() / INNER;
    return (k / steps * layout.slab(operand) + k % steps * 2 * INNER) / 16;
  }

  /** A descriptor further on, computed right before its use: it then stays out of the way. */
  private Reg at(Reg descriptor, int offset) {
    if (offset == 0) {
      return descriptor;
    }
    Reg moved = emit.fresh(Reg.Kind.B64);
    emit.add(new Inst.Arith(IntOp.ADD, Ty.S64, moved, descriptor, new IntConst(offset)));
    return moved;
  }
}
