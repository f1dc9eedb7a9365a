package dev.attune.cli;

import dev.attune.compiler.pass.PackHeads;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.ptx.compile.KernelBuilder;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.ptx.hopper.HopperSchedules;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what kernel to compile. */
final class KernelOptions {
  private static final HeadDim DEFAULT_HEAD_DIM = new HeadDim(64, 64);

  @Option(
      names = "--attention",
      paramLabel = "NAME",
      description = "Which attention, where the file declares several.")
  private @Nullable String attention;

  @Option(
      names = "--target",
      paramLabel = "TARGET",
      description = "GPU architecture, such as sm_80 or sm_90a.")
  private @Nullable String target;

  @Option(
      names = "--dtype",
      paramLabel = "DTYPE",
      description = "bf16 or f16, where the spec leaves it open; bf16 unless given.")
  private @Nullable String dtype;

  @Option(
      names = "--head-dim",
      paramLabel = "D[,DV]",
      description = "Width of a query or key, and of a value where it is another; 64 unless given.")
  private @Nullable String headDim;

  /** The attention's name, where one is given. */
  Optional<String> attention() {
    return Optional.ofNullable(attention);
  }

  /**
   * The target asked for.
   *
   * @throws CliException for a name that the assembler does not know
   */
  Optional<Target> target() {
    return Optional.ofNullable(target).map(KernelOptions::parseTarget);
  }

  /** Reads the name of a target. */
  static Target parseTarget(String name) {
    try {
      return Target.parse(name);
    } catch (IllegalArgumentException e) {
      throw new CliException(String.valueOf(e.getMessage()));
    }
  }

  /** The dtype of the spec, or as asked for. */
  Dtype dtype(AttentionSpec spec) {
    return dtype(spec, dtype);
  }

  /** The dtype of a spec, or as asked for by name. */
  static Dtype dtype(AttentionSpec spec, @Nullable String name) {
    Optional<Dtype> asked = Optional.ofNullable(name).map(KernelOptions::parseDtype);
    if (asked.isPresent() && spec.dtype().isPresent() && asked.get() != spec.dtype().get()) {
      throw new CliException(
          "--dtype says %s, but %s says dtype %s"
              .formatted(
                  asked.get().keyword(), spec.origin().file(), spec.dtype().get().keyword()));
    }
    return asked.or(spec::dtype).orElse(Dtype.BF16);
  }

  static Dtype parseDtype(String text) {
    return Arrays.stream(Dtype.values())
        .filter(d -> d.keyword().equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--dtype is '%s', expected %s"
                        .formatted(
                            text,
                            Arrays.stream(Dtype.values())
                                .map(Dtype::keyword)
                                .collect(Collectors.joining(" or ")))));
  }

  /** The widths given on the command line. */
  Optional<HeadDim> askedHeadDim() {
    return Optional.ofNullable(headDim).map(KernelOptions::parseHeadDim);
  }

  /** Reads {@code D} or {@code D,DV}. */
  static HeadDim parseHeadDim(String text) {
    String[] parts = text.split(",", -1);
    try {
      if (parts.length <= 2) {
        int qk = Integer.parseInt(parts[0].strip());
        return new HeadDim(qk, parts.length == 1 ? qk : Integer.parseInt(parts[1].strip()));
      }
    } catch (NumberFormatException e) {
      // Reported below, with what was expected.
    }
    throw new UsageException(
        "--head-dim is '%s', expected one or two numbers such as 128 or 192,128".formatted(text));
  }

  /** The widths of the spec, or as asked for, or the default. */
  HeadDim headDim(AttentionSpec spec) {
    Optional<HeadDim> asked = askedHeadDim();
    asked.ifPresent(a -> requireHeadDim(spec, a, "--head-dim says " + a));
    return asked.or(spec::headDim).orElse(DEFAULT_HEAD_DIM);
  }

  /** Refuses widths that a spec contradicts. */
  static void requireHeadDim(AttentionSpec spec, HeadDim asked, String who) {
    if (spec.headDim().isPresent() && !spec.headDim().get().equals(asked)) {
      throw new CliException(
          "%s, but %s says head_dim %s".formatted(who, spec.origin().file(), spec.headDim().get()));
    }
  }

  /**
   * The schedule in which the query heads of a group share tiles of so many rows.
   *
   * @throws CliException if there is none
   */
  Schedule packed(AttentionSpec spec, Target target, int rows) {
    if (target != Target.SM_90A) {
      throw new CliException("--packed-rows is for sm_90a, but the target is " + target.ptxName());
    }
    PackHeads.refuses(spec)
        .ifPresent(
            why -> {
              throw new CliException(
                  "the heads of %s cannot share a tile: %s".formatted(spec.name(), why));
            });
    List<Schedule.Hopper> all =
        HopperSchedules.packed(spec, target, dtype(spec), headDim(spec)).stream()
            .map(HopperSchedules.Choice::schedule)
            .toList();
    return all.stream()
        .filter(s -> s.rows() == rows)
        .findFirst()
        .orElseThrow(
            () ->
                new CliException(
                    "--packed-rows is %d, expected %s"
                        .formatted(
                            rows,
                            all.stream()
                                .map(s -> "" + s.rows())
                                .collect(Collectors.joining(" or ")))));
  }

  /** A kernel, and its machine code where there is an assembler. */
  record Built(Compilation compilation, Optional<Assembly> assembly) {}

  /**
   * Builds a spec, telling where wider tiles than it has would not do. Where there is no assembler
   * that is told, and the kernel has the tiles of the family's rules.
   *
   * @throws CliException if the target or the widths are not supported
   */
  static Built build(Terminal terminal, AttentionSpec spec, KernelCompiler.Options options) {
    try {
      KernelBuilder.Built built = KernelBuilder.build(spec, options);
      built.steps().stream().findFirst().ifPresent(step -> terminal.err().println(step.print()));
      return new Built(built.compilation(), Optional.of(built.assembly()));
    } catch (IllegalArgumentException e) {
      throw new CliException(String.valueOf(e.getMessage()));
    } catch (NativeLibraryException e) {
      terminal.err().println("not assembled: " + e.getMessage());
      return new Built(compile(spec, options), Optional.empty());
    }
  }

  /**
   * Compiles a spec.
   *
   * @throws CliException if the target or the widths are not supported
   */
  static Compilation compile(AttentionSpec spec, KernelCompiler.Options options) {
    try {
      return KernelCompiler.compile(spec, options);
    } catch (IllegalArgumentException e) {
      throw new CliException(String.valueOf(e.getMessage()));
    }
  }
}
