package dev.attune.runtime;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ScalarType;
import java.nio.ByteBuffer;

/** How an element of a tensor is stored on a device, little-endian. */
public enum ElementType {
  BF16("bf16", 2),
  F16("f16", 2),
  F32("f32", 4),
  I32("i32", 4),
  /** 0 or 1. */
  BOOL("bool", 1);

  private final String keyword;
  private final int bytes;

  ElementType(String keyword, int bytes) {
    this.keyword = keyword;
    this.bytes = bytes;
  }

  /** The storage of a dtype. */
  public static ElementType of(Dtype dtype) {
    return switch (dtype) {
      case BF16 -> BF16;
      case F16 -> F16;
    };
  }

  /** The storage of a captured tensor's elements. */
  public static ElementType of(ScalarType type) {
    return switch (type) {
      case INT -> I32;
      case FLOAT -> F32;
      case BOOL -> BOOL;
    };
  }

  /** Size of an element, in bytes. */
  public int bytes() {
    return bytes;
  }

  /** The type of host arrays that convert to and from this one. */
  public ScalarType scalar() {
    return switch (this) {
      case BF16, F16, F32 -> ScalarType.FLOAT;
      case I32 -> ScalarType.INT;
      case BOOL -> ScalarType.BOOL;
    };
  }

  @Override
  public String toString() {
    return keyword;
  }

  /**
   * Appends {@code count} elements of a host array, rounding floats to the nearest, ties to even.
   */
  void encode(NdArray from, int start, int count, ByteBuffer to) {
    for (int i = start; i < start + count; i++) {
      switch (this) {
        case BF16 -> to.putShort(Dtype.BF16.encode(from.floats()[i]));
        case F16 -> to.putShort(Dtype.F16.encode(from.floats()[i]));
        case F32 -> to.putFloat(from.floats()[i]);
        case I32 -> to.putInt(from.ints()[i]);
        case BOOL -> to.put(from.bools()[i]);
      }
    }
  }

  /** Takes {@code count} elements into a host array. */
  void decode(ByteBuffer from, NdArray to, int start, int count) {
    for (int i = start; i < start + count; i++) {
      switch (this) {
        case BF16 -> to.floats()[i] = Dtype.BF16.decode(from.getShort());
        case F16 -> to.floats()[i] = Dtype.F16.decode(from.getShort());
        case F32 -> to.floats()[i] = from.getFloat();
        case I32 -> to.ints()[i] = from.getInt();
        case BOOL -> to.bools()[i] = from.get();
      }
    }
  }
}
