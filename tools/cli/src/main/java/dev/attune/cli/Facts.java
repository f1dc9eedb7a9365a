package dev.attune.cli;

import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import java.util.Optional;

/** Holds the values of a captured tensor to what its declaration promises. */
final class Facts {
  private Facts() {}

  /**
   * The array.
   *
   * @throws CliException naming the first element that breaks a promise
   */
  static NdArray require(TensorDecl declared, String file, NdArray array) {
    int[] shape = array.shape();
    int row = shape.length == 0 ? 1 : Math.max(1, shape[shape.length - 1]);
    Optional<ParamDecl.Range> range = declared.range();
    long count = NdArray.count(shape);
    for (int i = 0; i < count; i++) {
      double value = array.number(i);
      if (range.isPresent() && !(value >= range.get().low() && value <= range.get().high())) {
        throw new CliException(
            "tensor %s: element %d of %s is %s, but %s says in %s..%s"
                .formatted(
                    declared.name(),
                    i,
                    file,
                    text(value),
                    declared.origin(),
                    text(range.get().low()),
                    text(range.get().high())));
      }
      if (declared.nondecreasing() && i % row > 0 && value < array.number(i - 1)) {
        throw new CliException(
            "tensor %s: element %d of %s is %s after %s, but %s says nondecreasing"
                .formatted(
                    declared.name(),
                    i,
                    file,
                    text(value),
                    text(array.number(i - 1)),
                    declared.origin()));
      }
    }
    return array;
  }

  /** A number without a fraction it does not have. */
  static String text(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
