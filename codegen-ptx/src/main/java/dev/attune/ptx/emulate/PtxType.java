package dev.attune.ptx.emulate;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The fundamental types of PTX that the emulator knows. */
enum PtxType {
  PRED(1, Kind.PREDICATE),
  B8(8, Kind.BITS),
  B16(16, Kind.BITS),
  B32(32, Kind.BITS),
  B64(64, Kind.BITS),
  U8(8, Kind.UNSIGNED),
  U16(16, Kind.UNSIGNED),
  U32(32, Kind.UNSIGNED),
  U64(64, Kind.UNSIGNED),
  S8(8, Kind.SIGNED),
  S16(16, Kind.SIGNED),
  S32(32, Kind.SIGNED),
  S64(64, Kind.SIGNED),
  F16(16, Kind.FLOAT),
  BF16(16, Kind.FLOAT),
  F16X2(32, Kind.FLOAT),
  BF16X2(32, Kind.FLOAT),
  F32(32, Kind.FLOAT),
  F64(64, Kind.FLOAT);

  enum Kind {
    PREDICATE,
    BITS,
    UNSIGNED,
    SIGNED,
    FLOAT
  }

  final int bits;
  final Kind kind;

  PtxType(int bits, Kind kind) {
    this.bits = bits;
    this.kind = kind;
  }

  int bytes() {
    return bits / 8;
  }

  boolean isSigned() {
    return kind == Kind.SIGNED;
  }

  boolean isFloat() {
    return kind == Kind.FLOAT;
  }

  boolean isInteger() {
    return kind == Kind.SIGNED || kind == Kind.UNSIGNED;
  }

  /** The type that a modifier such as {@code u32} names, or null. */
  static @Nullable PtxType parse(String word) {
    for (PtxType type : values()) {
      if (type.toString().equals(word)) {
        return type;
      }
    }
    return null;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
