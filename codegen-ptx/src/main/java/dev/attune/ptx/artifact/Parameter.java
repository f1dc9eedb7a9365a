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
    U64("u64", 8),
    S64("s64", 8),
    S32("s32", 4),
    F32("f32", 4);

    private final String ptx;
    private final int bytes;

    Type(String ptx, int bytes) {
      this.ptx = ptx;
      this.bytes = bytes;
    }

    /** The type's name in PTX, without the dot. */
    public String ptx() {
      return ptx;
    }

    /** Size and alignment in the parameter block. */
    public int bytes() {
      return bytes;
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

    /** A declared parameter: int as S32, float as F32, bool as S32 of 0 or 1. */
    record Scalar(String param) implements Role {}

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
