package dev.attune.ptx.compile;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.ampere.AmpereSchedules;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.ptx.compile.KernelCompiler.Options;
import dev.attune.ptx.hopper.HopperSchedules;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Compiles and assembles. What a spec keeps in registers is known for certain only when the
 * assembler has found room for it: where it has not, narrower tiles are tried.
 */
public final class KernelBuilder {
  private KernelBuilder() {}

  /**
   * A schedule that was left.
   *
   * @param flaws what the assembler made of it
   */
  public record Step(Schedule left, List<String> flaws) {
    public Step {
      flaws = List.copyOf(flaws);
    }

    /** The step on one line. */
    public String print() {
      return "left %s: %s".formatted(left.print(), String.join("; ", flaws));
    }
  }

  /**
   * A kernel and its machine code.
   *
   * @param steps schedules left on the way, widest first
   */
  public record Built(Compilation compilation, Assembly assembly, List<Step> steps) {
    public Built {
      steps = List.copyOf(steps);
    }
  }

  /**
   * Builds the kernel of a spec: of the schedule that the options fix, else of the widest from the
   * family's choice down that the assembler takes as it is. Where it takes none, the narrowest.
   *
   * @throws dev.attune.ptx.assemble.AssemblyException where the assembler refuses the kernel, or
   *     the narrowest is of warpgroups and not what was written
   * @throws dev.attune.ptx.assemble.NativeLibraryException where there is no assembler
   * @throws IllegalArgumentException as {@link KernelCompiler#compile}
   */
  public static Built build(AttentionSpec spec, Options options) {
    List<Step> steps = new ArrayList<>();
    Compilation compiled = KernelCompiler.compile(spec, options);
    while (true) {
      Artifact artifact = compiled.artifact();
      Assembly assembly = Assembler.assemble(artifact.ptx(), options.target());
      List<String> flaws = assembly.flaws();
      Optional<? extends Schedule> narrower =
          flaws.isEmpty() || options.schedule().isPresent()
              ? Optional.empty()
              : narrower(options, compiled.schedule());
      if (narrower.isEmpty()) {
        return new Built(compiled, Assembler.accept(artifact.ptx(), assembly), steps);
      }
      steps.add(new Step(compiled.schedule(), flaws));
      compiled = KernelCompiler.compile(spec, options.with(narrower.get()));
    }
  }

  private static Optional<? extends Schedule> narrower(Options options, Schedule schedule) {
    return switch (schedule) {
      case Schedule.Ampere s -> AmpereSchedules.narrower(options.target(), options.headDim(), s);
      case Schedule.Hopper s -> HopperSchedules.narrower(options.target(), options.headDim(), s);
    };
  }
}
