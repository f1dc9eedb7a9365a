package dev.attune.compiler.spec;

/** How a bounded reduction combines its terms. */
public enum ReduceOp {
  /** Sum of ints or floats; 0 of no terms. */
  SUM,
  /** Disjunction of bools; false of no terms. */
  ANY
}
