package dev.attune.compiler.reference;

/** Anything that computes attention: the tile interpreter, the emulated device, a CUDA device. */
@FunctionalInterface
public interface Executor {
  /** Computes one problem. */
  Result run(Problem problem);
}
