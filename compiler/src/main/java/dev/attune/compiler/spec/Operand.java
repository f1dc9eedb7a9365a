package dev.attune.compiler.spec;

/** The tensors every attention reads or writes, besides the captured ones. */
public enum Operand {
  /** [B, Sq, Hq, Dqk] in the kernel's dtype. */
  Q,
  /** [B, Skv, Hkv, Dqk] in the kernel's dtype. */
  K,
  /** [B, Skv, Hkv, Dv] in the kernel's dtype. */
  V,
  /** [B, Sq, Hq, Dv] in the kernel's dtype. */
  O,
  /** [B, Hq, Sq] float32, contiguous; written by kernels with a softmax. */
  LSE,
  /** [B, Hq, Sq] float32, contiguous; written where the spec asks for it. */
  MAX_SCORE
}
