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
     * A tensor map of Q, K, V or O (TENSOR_MAP): 16-bit elements, dimensions and box of its form
     * with the tensor's strides, the swizzle of 128 or 64 bytes that is as wide as a box, no
     * interleave, zeros outside, L2 promotion of 256 bytes.
     */
    record TensorMap(Operand of, int boxRows, int boxCols, Form form) implements Role {
      /** A plain map. */
      public TensorMap(Operand of, int boxRows, int boxCols) {
        this(of, boxRows, boxCols, Form.PLAIN);
      }
    }

    /**
     * Device address of int32 that say where the sequences of Q and O, or of K and V, lie (U64): of
     * a packed batch B + 1 tokens, at which each begins and the last ends; of a padded one B
     * lengths.
     *
     * @param of Q or K
     */
    record Sequences(Operand of) implements Role {}

    /** How many tokens Q or K of a packed batch has (S32). */
    record Tokens(Operand of) implements Role {}

    /**
     * How many times its distance between tokens Q, K, V or O of sequences in a batch has between
     * its batch elements (S32): of a padded batch, or where items are of residue classes.
     */
    record Pitch(Operand of) implements Role {}

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

  /** The dimensions of a tensor map. */
  public enum Form {
    /** (D, S, H, B), a box of (boxCols, boxRows, 1, 1). */
    PLAIN(4),
    /**
     * H is split into the heads of a group and the groups: (D, group, S, H / group, B), a box of
     * (boxCols, group, ⌊boxRows / group⌋, 1, 1).
     */
    GROUPED(5),
    /**
     * A box ends where its sequence does, wherever it lies. With tokens s bytes apart the
     * dimensions are D, {@link #WRAP} of stride s, H, and two of {@link #UNBOUNDED} with strides s
     * and {@link #WRAP_STRIDE} - s; the box is (boxCols, boxRows, 1, 1, 1). Token t of the n of a
     * sequence that begins at token f is at (·, WRAP - n + t, ·, f + n, WRAP), for modulo 2⁶⁴ its
     * address is that of token f + t; and t ≥ n is past the second dimension's end.
     *
     * <p>Where items are of residue classes of a step k, strides are k·s, s and {@link
     * #WRAP_STRIDE} - k·s, and token t of the n of a class whose first is f lies at (·, WRAP - n +
     * t, ·, f + k·n, WRAP).
     */
    SEQUENCES(5);

    /** Extent of the dimension in which sequences end, and coordinate in the last. */
    public static final int WRAP = 1 << 30;

    /** Extent of the dimensions that end nothing. */
    public static final int UNBOUNDED = 0x7FFF_0000;

    /** WRAP times this is 2⁶⁴. */
    public static final long WRAP_STRIDE = 1L << 34;

    private final int rank;

    Form(int rank) {
      this.rank = rank;
    }

    /** How many dimensions. */
    public int rank() {
      return rank;
    }
  }

  /** The axes of Q, K, V and O that have a stride; the vector axis is contiguous. */
  public enum Axis {
    BATCH,
    SEQ,
    HEAD
  }
}
