package dev.attune.compiler.spec;

/** The type of a scalar expression. */
public enum ScalarType {
  /** A mathematical integer of at most 64 bits; 32 bits where analysis shows they suffice. */
  INT,
  /** IEEE binary32 in kernels, binary64 in the reference. */
  FLOAT,
  BOOL;

  /** The type as it is written in a {@code .attn} file. */
  public String keyword() {
    return switch (this) {
      case INT -> "int";
      case FLOAT -> "float";
      case BOOL -> "bool";
    };
  }
}
