package dev.attune.cli;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Explanation;
import java.util.Locale;
import java.util.stream.Collectors;

/** What {@code attune run} prints: the problem, the kernel, the measures, and the verdict. */
record RunReport(
    Terminal terminal, String file, Problem problem, DeviceInfo device, Explanation explanation) {

  /**
   * What is about to run.
   *
   * @param why whether to say what every candidate makes of the problem
   */
  void head(ShapeOptions options, double compileMs, boolean why) {
    line("spec", problem.spec().name() + "  (" + file + ")");
    line("shape", shape(problem.shape()) + ", " + problem.dtype().keyword());
    problem
        .bindings()
        .lengths()
        .ifPresent(l -> line("sequences", "of " + l.queries() + " queries, " + l.keys() + " keys"));
    line("scalars", scalars());
    Problems.tensorLines(problem, options).forEach(tensor -> line("tensor", tensor));
    line(
        "device",
        device.kind().keyword()
            + ": "
            + device.name()
            + (device.driver().isEmpty() ? "" : ", driver for CUDA " + device.driver()));
    if (why) {
      terminal.out().print(explanation.print());
    } else {
      explanation
          .candidates()
          .forEach(v -> v.refusal().ifPresent(reason -> line("refused", v.name() + ": " + reason)));
    }
    Manifest manifest = manifest();
    line(
        "kernel",
        "%s for %s, %d threads, %d bytes of shared memory"
            .formatted(
                manifest.entry(),
                manifest.target().ptxName(),
                manifest.threads(),
                manifest.sharedBytes()));
    manifest
        .step()
        .ifPresent(n -> line("classes", "modulo %s, each by itself".formatted(Exprs.print(n))));
    line("schedule", manifest.schedule());
    line("compiled", format("%.0f ms", compileMs));
  }

  /** Of the kernel chosen; where none takes the problem, the launch says so. */
  private Manifest manifest() {
    return explanation.chosen().orElse(explanation.candidates().getFirst()).manifest();
  }

  /** How it went. */
  void tail(Accuracy.Report accuracy, double milliseconds) {
    line("ran", format("%.3f ms", milliseconds));
    long total = Sample.total(problem);
    line(
        "compared",
        "%d of %d rows%s with the float64 reference"
            .formatted(
                accuracy.rows(), total, accuracy.rows() < total ? " (a seeded sample)" : ""));
    for (Accuracy.Gate gate : accuracy.gates()) {
      if (gate.passes() && gate.limit() == 0) {
        continue;
      }
      String value = format("%.4g", gate.value());
      String limit = format("%.4g", gate.limit());
      String place = gate.worst().map(w -> "   worst at " + w).orElse("");
      terminal
          .out()
          .println(
              "  %-20s %10s   at most %-8s %-5s%s"
                  .formatted(gate.name(), value, limit, gate.passes() ? "ok" : "FAIL", place)
                  .stripTrailing());
    }
    boolean softmax = problem.spec().normalization() instanceof Normalization.Softmax;
    terminal
        .out()
        .println(
            (accuracy.passes() ? "PASS" : "FAIL")
                + " device=%s kernel=%s target=%s dtype=%s rows=%d"
                    .formatted(
                        device.kind().keyword(),
                        manifest().entry(),
                        manifest().target().ptxName(),
                        problem.dtype().keyword(),
                        accuracy.rows())
                + format(
                    " max_err=%.6g max_ratio=%.4f rmse_ratio=%.4f",
                    accuracy.maxErr(), accuracy.maxRatio(), accuracy.rmseRatio())
                + " lse_err="
                + (softmax ? format("%.3g", accuracy.lseErr()) : "n/a")
                + format(" time_ms=%.4f", milliseconds));
  }

  private void line(String label, String text) {
    terminal.out().println("%-9s %s".formatted(label, text));
  }

  private String scalars() {
    String params =
        problem.spec().params().stream()
            .map(
                p ->
                    p.name()
                        + " = "
                        + value(p, problem.bindings().params().getOrDefault(p.name(), 0.0)))
            .collect(Collectors.joining(", "));
    return (params.isEmpty() ? "" : params + ", ")
        + format("scale = %.6g", problem.bindings().scale());
  }

  private static String value(ParamDecl param, double value) {
    return param.type() == ScalarType.BOOL ? Boolean.toString(value != 0) : Facts.text(value);
  }

  /** Sizes in words. */
  static String shape(Shape s) {
    return "batch %d, heads %d%s, %d x %d positions, head dim %s"
        .formatted(
            s.batch(),
            s.heads(),
            s.kvHeads() == s.heads() ? "" : " on " + s.kvHeads() + " kv heads",
            s.seq(),
            s.kvSeq(),
            s.headDim());
  }

  @SuppressWarnings("AnnotateFormatMethod") // Every pattern is a literal of this file.
  private static String format(String pattern, Object... values) {
    return String.format(Locale.ROOT, pattern, values);
  }
}
