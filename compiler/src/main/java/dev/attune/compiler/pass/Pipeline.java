package dev.attune.compiler.pass;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.TileVerifier;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** The passes of each family, in order. */
public final class Pipeline {
  private Pipeline() {}

  /** The passes of a schedule's family. */
  public static List<Pass> of(Schedule schedule) {
    return switch (schedule) {
      case Schedule.Ampere s -> ampere(s);
      case Schedule.Hopper s -> hopper(s);
    };
  }

  /** For the Ampere family: one role, loads in flight while the CTA computes. */
  public static List<Pass> ampere(Schedule.Ampere schedule) {
    List<Pass> passes = new ArrayList<>();
    passes.add(FoldScale.PASS);
    passes.add(SplitPhases.PASS);
    if (schedule.lazyThreshold() > 0) {
      passes.add(LazyRescale.pass(schedule.lazyThreshold()));
    }
    passes.add(ReduceLate.PASS);
    passes.add(RowLimits.PASS);
    passes.add(DoubleBuffer.pass(schedule.stages()));
    return List.copyOf(passes);
  }

  /** For the Hopper family: roles, products in flight, CTAs that claim their work. */
  public static List<Pass> hopper(Schedule.Hopper schedule) {
    List<Pass> passes = new ArrayList<>();
    if (schedule.packed()) {
      passes.add(PackHeads.PASS);
    }
    passes.add(FoldScale.PASS);
    passes.add(BoundedScore.PASS);
    passes.add(Descend.PASS);
    passes.add(SplitPhases.PASS);
    if (schedule.lazyThreshold() > 0) {
      passes.add(LazyRescale.pass(schedule.lazyThreshold()));
    }
    passes.add(ReduceLate.PASS);
    passes.add(RowLimits.PASS);
    passes.add(Overlap.pass(schedule.rescaleFirst()));
    passes.add(WeighScores.PASS);
    passes.add(Specialise.pass(schedule));
    if (schedule.skipEmpty()) {
      passes.add(SkipEmpty.PASS);
    }
    passes.add(Persist.PASS);
    passes.add(StageOutput.pass(schedule.output()));
    return List.copyOf(passes);
  }

  /** Runs passes on a kernel, verified before the first and after each. */
  public static TileKernel run(List<Pass> passes, TileKernel kernel) {
    return run(passes, kernel, (pass, result) -> {});
  }

  /**
   * Runs passes on a kernel, verified before the first and after each.
   *
   * @param after told each pass and its result
   */
  public static TileKernel run(
      List<Pass> passes, TileKernel kernel, BiConsumer<Pass, TileKernel> after) {
    TileVerifier.verify(kernel);
    TileKernel current = kernel;
    for (Pass pass : passes) {
      current = pass.rewrite().apply(current);
      try {
        TileVerifier.verify(current);
      } catch (RuntimeException e) {
        throw new IllegalStateException("after " + pass.name() + ": " + e.getMessage(), e);
      }
      after.accept(pass, current);
    }
    return current;
  }
}
