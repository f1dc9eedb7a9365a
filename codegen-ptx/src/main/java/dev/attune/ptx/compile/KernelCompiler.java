package dev.attune.ptx.compile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.pass.Pass;
import dev.attune.compiler.pass.Pipeline;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.Lowering;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.PtxVerifier;
import dev.attune.ptx.ampere.AmpereSchedules;
import dev.attune.ptx.ampere.AmpereSelection;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.hopper.HopperSchedules;
import dev.attune.ptx.hopper.HopperSelection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** Compiles a spec: schedule, lowering, passes, selection, verification, printing. */
public final class KernelCompiler {
  private KernelCompiler() {}

  /**
   * What a spec leaves open.
   *
   * @param target decides the family: Hopper for sm_90a, Ampere for all others
   * @param length the query length that the kernel is meant to be fast at; none: thousands of rows
   * @param schedule overrides the family's choice
   * @param batching how the sequences of a batch lie
   * @param split whether residue classes are computed by themselves where the mask falls apart into
   *     some ({@link Residues}); in the Hopper family, of dense batches whose heads are not packed
   */
  public record Options(
      Target target,
      Dtype dtype,
      HeadDim headDim,
      OptionalInt length,
      Optional<Schedule> schedule,
      Batching batching,
      boolean split) {

    /** For batches whose sequences lie in some way. */
    public Options(
        Target target,
        Dtype dtype,
        HeadDim headDim,
        OptionalInt length,
        Optional<Schedule> schedule,
        Batching batching) {
      this(target, dtype, headDim, length, schedule, batching, true);
    }

    /** For dense batches. */
    public Options(
        Target target,
        Dtype dtype,
        HeadDim headDim,
        OptionalInt length,
        Optional<Schedule> schedule) {
      this(target, dtype, headDim, length, schedule, Batching.DENSE);
    }

    /** The family's own schedule. */
    public Options(Target target, Dtype dtype, HeadDim headDim) {
      this(target, dtype, headDim, OptionalInt.empty(), Optional.empty());
    }

    /** The same with a schedule fixed. */
    public Options with(Schedule fixed) {
      return new Options(target, dtype, headDim, length, Optional.of(fixed), batching, split);
    }

    /** The same for whole sequences. */
    public Options whole() {
      return new Options(target, dtype, headDim, length, schedule, batching, false);
    }

    private Request request() {
      return new Request(List.of(target), dtype, headDim, batching);
    }

    /** What is compiled for a spec: the spec, or that of its residue classes. */
    private AttentionSpec of(AttentionSpec spec) {
      boolean packed =
          schedule.filter(s -> s instanceof Schedule.Hopper h && h.packed()).isPresent();
      boolean possible = target == Target.SM_90A && batching == Batching.DENSE && !packed;
      return split && possible ? Residues.split(spec).orElse(spec) : spec;
    }
  }

  /** Every stage of one compilation. */
  public record Compilation(
      Schedule schedule,
      TileKernel lowered,
      List<Pass> passes,
      TileKernel tiles,
      PtxKernel kernel,
      Artifact artifact) {}

  /**
   * Every stage of the kernels that the built-in families have for a request, best first; {@link
   * Candidates} asks all families for what is left of them.
   */
  public static List<Compilation> candidates(
      AttentionSpec spec, List<Target> targets, Dtype dtype, HeadDim headDim) {
    return candidates(spec, targets, dtype, headDim, Batching.DENSE);
  }

  /** The same for batches whose sequences lie in some way; heads share tiles of dense ones only. */
  public static List<Compilation> candidates(
      AttentionSpec spec, List<Target> targets, Dtype dtype, HeadDim headDim, Batching batching) {
    Request request = new Request(targets, dtype, headDim, batching);
    return Stream.of(
            HopperFamily.compilations(spec, request), AmpereFamily.compilations(spec, request))
        .flatMap(List::stream)
        .toList();
  }

  /**
   * Compiles the forward kernel of a spec.
   *
   * @throws IllegalArgumentException where the target or head dimension is not supported, or the
   *     spec fixes another dtype or head dimension
   */
  public static Compilation compile(AttentionSpec spec, Options options) {
    return compile(spec, options, Lengths.ALL);
  }

  /** Compiles the kernel for some query lengths. */
  static Compilation compile(AttentionSpec stated, Options options, Lengths queries) {
    AttentionSpec spec = options.of(stated);
    options.request().requireFor(spec);
    Schedule schedule = options.schedule().orElseGet(() -> schedule(spec, options));
    TileKernel lowered =
        Lowering.forward(spec, options.dtype(), options.headDim(), schedule)
            .batched(options.batching());
    List<Pass> passes = Pipeline.of(schedule);
    TileKernel tiles = Pipeline.run(passes, lowered);
    String entry = entry(spec, options);
    PtxKernel kernel =
        switch (schedule) {
          case Schedule.Ampere s -> AmpereSelection.select(tiles, s, options.target(), entry);
          case Schedule.Hopper s -> HopperSelection.select(tiles, s, options.target(), entry);
        };
    PtxVerifier.verify(kernel);
    Artifact artifact =
        new Artifact(manifest(spec, options, kernel, schedule, queries), PtxPrinter.print(kernel));
    return new Compilation(schedule, lowered, passes, tiles, kernel, artifact);
  }

  private static Schedule schedule(AttentionSpec spec, Options options) {
    return options.target() == Target.SM_90A
        ? HopperSchedules.choose(
            spec, options.target(), options.dtype(), options.headDim(), length(spec, options))
        : AmpereSchedules.choose(spec, options.target(), options.headDim());
  }

  /** The length to be fast at: that of the classes of a usual launch, where there are classes. */
  private static OptionalInt length(AttentionSpec spec, Options options) {
    long classes =
        spec.step()
            .map(
                n ->
                    n instanceof Expr.Param p
                        ? spec.param(p.name()).orElseThrow().defaultValue()
                        : n)
            .map(n -> (long) number(n))
            .orElse(1L);
    return options.length().isPresent()
        ? OptionalInt.of(Residues.length(classes, options.length().getAsInt(), 0))
        : OptionalInt.empty();
  }

  /** The name of the entry: an identifier whatever the spec is called. */
  private static String entry(AttentionSpec spec, Options options) {
    HeadDim dim = options.headDim();
    return "attune_%s_%s_d%d_%d"
        .formatted(
            spec.name().replaceAll("[^A-Za-z0-9_]", "_"),
            options.dtype().keyword(),
            dim.qk(),
            dim.v());
  }

  private static Manifest manifest(
      AttentionSpec spec, Options options, PtxKernel kernel, Schedule schedule, Lengths queries) {
    return new Manifest(
        spec.name(),
        kernel.entry(),
        options.target(),
        options.dtype(),
        options.headDim(),
        switch (schedule) {
          case Schedule.Ampere s -> Manifest.Grid.ITEMS;
          case Schedule.Hopper s ->
              s.packed() ? Manifest.Grid.PERSISTENT_PACKED : Manifest.Grid.PERSISTENT;
        },
        options.batching(),
        queries,
        kernel.threads(),
        schedule.rows(),
        kernel.sharedBytes(),
        kernel.parameters(),
        spec.params().stream()
            .map(
                p ->
                    new Manifest.Scalar(
                        p.name(),
                        p.type().keyword(),
                        number(p.defaultValue()),
                        p.range().low(),
                        p.range().high()))
            .toList(),
        spec.tensors().stream()
            .map(
                t ->
                    new Manifest.Captured(
                        t.name(),
                        t.type().keyword(),
                        t.shape().stream().map(Exprs::print).toList()))
            .toList(),
        spec.step(),
        switch (schedule) {
          case Schedule.Ampere s -> AmpereFamily.NAME;
          case Schedule.Hopper s -> HopperFamily.NAME;
        },
        schedule.print());
  }

  private static double number(Expr constant) {
    return switch (constant) {
      case Expr.IntConst(long value) -> value;
      case Expr.FloatConst(double value) -> value;
      case Expr.BoolConst(boolean value) -> value ? 1 : 0;
      default -> throw new IllegalArgumentException("not a constant: " + constant);
    };
  }
}
