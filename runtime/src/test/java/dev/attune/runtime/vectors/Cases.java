package dev.attune.runtime.vectors;

import java.util.List;
import java.util.stream.Stream;

/** Every instruction form whose result is more than its definition on paper. */
final class Cases {
  private static final List<GoldenCase> ALL =
      Stream.of(FunctionCases.all(), MatrixCases.all(), WarpgroupCases.all(), CopyCases.all())
          .flatMap(List::stream)
          .toList();

  private Cases() {}

  static List<GoldenCase> all() {
    return ALL;
  }
}
