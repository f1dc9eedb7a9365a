package dev.attune.ptx.artifact;

import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.Operand;

/**
 * One kernel parameter.
 *
 * @param name unique; the name of the PTX parameter is this, prefixed with {@code p_}
 */
public record Parameter(String name, Role role, Type type) {

  /** PTX types of parameters. */
  public enum Type {
    U64("u64", 8, 8),
    S64("s64", 8, 8),
    S32("s32", 4, 4),
    F32("f32", 4, 4),
    /** A {@code CUtensorMap}, by value. */
    TENSOR_MAP("b8", 128, 64);

    private final String ptx;
    private final int bytes;
    private final int alignment;

    Type(String ptx, int bytes, int alignment) {
      this.ptx = ptx;
      this.bytes = bytes;
      this.alignment = alignment;
    }

    /** The type's name in PTX, without the dot. */
    public String ptx() {
      return ptx;
    }

    /** Size in the parameter block. */
    public int bytes() {
      return bytes;
    }

    /** Alignment in the parameter block. */
    public int alignment() {
      return alignment;
    }
  }

  /** What the value of a parameter means. */
  public sealed interface Role {
    /** Device address of a tensor's first element (U64). */
    record Pointer(Operand of) implements Role {}

    /** Distance in elements between neighbours along an axis of Q, K, V or O (S64). */
    record Stride(Operand of, Axis axis) implements Role {}

    /** A size of the problem (S32). */
    record Size(Extent extent) implements Role {}

    /** The softmax scale (F32). */
    record Scale() implements Role {}

    /**
     * The softmax scale times log₂ e, in binary64 and then rounded (F32): what scores are mostly
     * multiplied with, and only a parameter leaves vector registers free.
     */
    record ScaleLog2e() implements Role {}

    /** A declared parameter: int as S32, float as F32, bool as S32 of 0 or 1. */
    record Scalar(String param) implements Role {}

    /**
     * A tensor map of Q, K, V or O (TENSOR_MAP): 16-bit elements, dimensions (D, S, H, B) with the
     * tensor's strides, a box of (boxCols, boxRows, 1, 1), 128-byte swizzle, no interleave, zeros
     * outside, L2 promotion of 256 bytes.
     *
     * @param grouped H is split into the heads of a group and the groups: dimensions (D, group, S,
     *     H / group, B), a box of (boxCols, group, ⌊boxRows / group⌋, 1, 1)
     */
    record TensorMap(Operand of, int boxRows, int boxCols, boolean grouped) implements Role {
      /** A map that is not grouped. */
      public TensorMap(Operand of, int boxRows, int boxCols) {
        this(of, boxRows, boxCols, false);
      }
    }

    /** How many bytes a box of an operand's grouped tensor map has (S32). */
    record BoxBytes(Operand of) implements Role {}

    /**
     * Device address of two u32 for the kernel's work counter (U64), zero before the first launch.
     * A launch leaves them zero. Launches that may overlap need different ones.
     */
    record Counter() implements Role {}

    /** Device address of a captured tensor, row-major without gaps (U64). */
    record Captured(String tensor) implements Role {}
  }

  /** The axes of Q, K, V and O that have a stride; the vector axis is contiguous. */
  public enum Axis {
    BATCH,
    SEQ,
    HEAD
  }
}
