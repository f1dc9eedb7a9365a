package dev.attune.proof;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Reference;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One problem in one layout. */
record Trial(Case problem, Layout layout) {

  /** Standard normal inputs, the default scale and params, contiguous. */
  static Trial of(AttentionSpec spec, Dtype dtype, Shape shape) {
    Bindings defaults = Inputs.bindings(spec, shape, 1);
    return new Trial(
        new Case(spec, dtype, shape, defaults.scale(), defaults.params(), Distribution.NORMAL, 1),
        Layout.CONTIGUOUS);
  }

  /** Sizes with Dqk = Dv. */
  static Shape shape(int batch, int heads, int kvHeads, int seq, int kvSeq, int dim) {
    return new Shape(batch, heads, kvHeads, seq, kvSeq, new HeadDim(dim, dim));
  }

  Trial in(Layout other) {
    return new Trial(problem, other);
  }

  Trial with(Distribution distribution, long seed) {
    Case p = problem;
    return new Trial(
        new Case(p.spec(), p.dtype(), p.shape(), p.scale(), p.params(), distribution, seed),
        layout);
  }

  Trial param(String name, double value) {
    Case p = problem;
    Map<String, Double> params = new HashMap<>(p.params());
    params.replace(name, value);
    return new Trial(
        new Case(p.spec(), p.dtype(), p.shape(), p.scale(), params, p.distribution(), p.seed()),
        layout);
  }

  /**
   * What is wrong with the device's answer by planned kernels, and how to see it again; or nothing.
   * Where the kernels are for sequences of their own lengths, these are drawn.
   */
  Optional<String> failure(Device device, Plan plan) {
    if (plan.batching() != Batching.DENSE) {
      return BatchTrial.failure(device, plan, layout, BatchTrial.drawn(problem))
          .map(wrong -> wrong + this + plan);
    }
    try {
      Problem p = problem.problem();
      return failures(p, new Placed(device, plan, layout, Placed.Poison.NAN).run(p))
          .map(wrong -> wrong + this + plan);
    } catch (DeviceException | AssertionError e) {
      return Optional.of(e.getMessage() + this + plan);
    }
  }

  /** The gates that do not pass, and rows without keys that are not 0 and −∞ to the bit. */
  static Optional<String> failures(Problem problem, Result result) {
    Shape s = problem.shape();
    List<RowId> rows = RowId.all(problem.bindings());
    Accuracy.Report report = Accuracy.check(problem, result);
    if (!report.passes()) {
      return Optional.of(report.failures());
    }
    Reference reference = new Reference(problem);
    for (RowId row : rows) {
      boolean suspect =
          result.lse().isEmpty()
              || result.lse().get().floats()[row.lseIndex(s)] == Float.NEGATIVE_INFINITY;
      if (suspect && reference.row(row).live() == 0) {
        for (int d = 0; d < s.headDim().v(); d++) {
          float o = result.o().floats()[row.outputIndex(s) + d];
          if (Float.floatToRawIntBits(o) != 0) {
            return Optional.of("%s sees no key, but output %d is %s".formatted(row, d, o));
          }
        }
      }
    }
    return Optional.empty();
  }

  @Override
  public String toString() {
    return problem + "in layout " + layout + "\n";
  }
}
