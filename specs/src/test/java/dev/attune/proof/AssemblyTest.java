package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.AssemblyException;
import dev.attune.ptx.assemble.Notice;
import dev.attune.ptx.compile.KernelBuilder;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.specs.SpecLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Kernels of the library assemble without spills and without waits that the assembler inserts. A
 * build assembles every basic spec and every combination of target, head dimension and dtype once,
 * and every other spec once for each family; with {@code -Dattune.assemble=all} their product.
 */
class AssemblyTest {
  private static final List<Target> TARGETS =
      List.of(Target.SM_80, Target.SM_86, Target.SM_89, Target.SM_90);
  private static final boolean ALL = "all".equals(System.getProperty("attune.assemble"));
  private static final List<Integer> DIMS = List.of(64, 128, 256);

  /**
   * Specs whose elements or tile tests keep more in registers than the rules foresee: the sum over
   * a rank, tables of blocks or slices, positions in several dimensions.
   */
  private static final Set<String> NARROWED_ON_AMPERE = Set.of();

  private static final Set<String> NARROWED_ON_HOPPER = Set.of();

  private record Kernel(String spec, Target target, int dim, Dtype dtype) {

    /** What is wrong with any candidate for the target: they differ by the query length. */
    List<String> complaints() {
      return KernelCompiler.candidates(
              Kernels.library(spec), List.of(target), dtype, new HeadDim(dim, dim))
          .stream()
          .flatMap(c -> complaint(c.artifact(), c.schedule()).stream())
          .toList();
    }

    /** What is wrong with the one kernel for the target that the rules choose. */
    Optional<String> narrowed() {
      AttentionSpec library = Kernels.library(spec);
      KernelBuilder.Built built =
          KernelBuilder.build(
              library,
              new KernelCompiler.Options(
                  target,
                  library.dtype().orElse(dtype),
                  library.headDim().orElse(new HeadDim(dim, dim))));
      Set<String> expected = target == Target.SM_80 ? NARROWED_ON_AMPERE : NARROWED_ON_HOPPER;
      boolean asKnown =
          built.assembly().flaws().isEmpty()
              && (built.steps().isEmpty() || expected.contains(spec));
      return asKnown
          ? Optional.empty()
          : Optional.of(
              "%s, %s, head dim %d: %s, %s"
                  .formatted(
                      spec,
                      target.ptxName(),
                      dim,
                      built.steps().stream().map(KernelBuilder.Step::print).toList(),
                      built.assembly().flaws()));
    }

    private Optional<String> complaint(Artifact artifact, Schedule schedule) {
      Assembly assembly;
      try {
        assembly = Assembler.build(artifact.ptx(), target);
      } catch (AssemblyException e) {
        return Optional.of(
            "%s, head dim %d, %s, %s: %s"
                .formatted(spec, dim, dtype.keyword(), schedule.print(), e.getMessage()));
      }
      List<Notice> serial = assembly.notices().stream().filter(Notice::serializes).toList();
      if (assembly.spillStores() + assembly.spillLoads() + serial.size() == 0) {
        return Optional.empty();
      }
      return Optional.of(
          "%s, %s, head dim %d, %s, %s: %d registers, %d bytes spilled, %d loaded back %s"
              .formatted(
                  spec,
                  target.ptxName(),
                  dim,
                  dtype.keyword(),
                  schedule.print(),
                  assembly.registers(),
                  assembly.spillStores(),
                  assembly.spillLoads(),
                  serial));
    }
  }

  private static List<Kernel> kernels(List<Target> targets, int stride) {
    List<Kernel> kernels = new ArrayList<>();
    List<String> names = SpecLibrary.basics();
    int combination = 0;
    for (Target target : targets) {
      for (int dim : DIMS) {
        for (Dtype dtype : Dtype.values()) {
          for (int i = 0; i < names.size(); i++) {
            // 24 combinations and 15 specs: each combination has one, each spec has one or two. Of
            // Hopper, where a kernel has several candidates, each spec is in one combination.
            if (ALL || i % stride == combination % stride) {
              kernels.add(new Kernel(names.get(i), target, dim, dtype));
            }
          }
          combination++;
        }
      }
    }
    return kernels;
  }

  @Test
  void nothingSpillsAndNothingSerializes() {
    assertAssembled(kernels(TARGETS, SpecLibrary.basics().size()));
  }

  @Test
  void nothingSpillsAndNothingSerializesOnHopper() {
    assertAssembled(kernels(List.of(Target.SM_90A), DIMS.size() * Dtype.values().length));
  }

  /**
   * Every other spec, at one width and dtype for each family: the tiles that the rules choose are
   * those that are built, so that a launch, which goes by the rules, has a kernel that does not
   * spill. Only the named ones are built narrower.
   */
  @Test
  void rulesChooseWhatIsBuilt() {
    List<String> others =
        SpecLibrary.names().stream().filter(n -> !SpecLibrary.basics().contains(n)).toList();
    Map<Target, List<Integer>> dims =
        Map.of(Target.SM_80, DIMS, Target.SM_90A, List.of(64, 128, 64, 128, 64, 128, 64, 256));
    List<Kernel> kernels = new ArrayList<>();
    for (int i = 0; i < others.size(); i++) {
      for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
        List<Integer> turns = dims.get(target);
        for (int dim : ALL ? DIMS : List.of(turns.get(i % turns.size()))) {
          for (Dtype dtype : ALL ? Dtype.values() : new Dtype[] {Dtype.values()[i / 3 % 2]}) {
            kernels.add(new Kernel(others.get(i), target, dim, dtype));
          }
        }
      }
    }
    List<String> found = kernels.parallelStream().flatMap(k -> k.narrowed().stream()).toList();
    assertEquals("", String.join("\n", found));
  }

  private static void assertAssembled(List<Kernel> kernels) {
    assertEquals(
        "",
        String.join("\n", kernels.parallelStream().flatMap(k -> k.complaints().stream()).toList()));
  }
}
