package dev.attune.compiler.spec;

/** The storage type of Q, K, V and O, and of the softmax weights in the second product. */
public enum Dtype {
  /** bfloat16: 8 bits of significand, binary32's exponent range. */
  BF16("bf16"),
  /** IEEE binary16: 11 bits of significand, largest finite value 65504. */
  F16("f16");

  private final String keyword;

  Dtype(String keyword) {
    this.keyword = keyword;
  }

  /** The name used in specs and on the command line. */
  public String keyword() {
    return keyword;
  }

  /** The value nearest to {@code x} in this type, ties to even, as a float. */
  public float round(float x) {
    return decode(encode(x));
  }

  /** The 16 bits of the value nearest to {@code x}, ties to even. */
  public short encode(float x) {
    return switch (this) {
      case F16 -> Float.floatToFloat16(x);
      case BF16 -> {
        int bits = Float.floatToRawIntBits(x);
        if (Float.isNaN(x)) {
          yield (short) ((bits >>> 16) | 0x40);
        }
        yield (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
      }
    };
  }

  /** The value of 16 bits of this type. */
  public float decode(short bits) {
    return switch (this) {
      case F16 -> Float.float16ToFloat(bits);
      case BF16 -> Float.intBitsToFloat(bits << 16);
    };
  }
}
