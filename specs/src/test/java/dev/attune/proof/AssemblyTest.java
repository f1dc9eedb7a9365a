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
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Kernels of the library assemble without spills and without waits that the assembler inserts. A
 * build assembles every basic spec and every combination of target, head dimension and dtype once;
 * with {@code -Dattune.assemble=all} it assembles their product, and with {@code catalogue} or
 * {@code all} every other spec once for each family.
 */
class AssemblyTest {
  private static final List<Target> TARGETS =
      List.of(Target.SM_80, Target.SM_86, Target.SM_89, Target.SM_90);
  private static final boolean ALL = "all".equals(System.getProperty("attune.assemble"));
  private static final List<Integer> DIMS = List.of(64, 128, 256);

  /** Specs that are built narrower than the rules foresee, or that spill even so. */
  private static final Map<Target, Set<String>> NARROWED =
      Map.of(
          Target.SM_80,
          Set.of("gelu_attention", "mla_rope", "nsa_selected", "shared_prefix", "sta_2d"),
          Target.SM_90A,
          Set.of(
              "compressed_sparse_attention",
              "cudnn_block_mask",
              "custom_mask",
              "disentangled",
              "graphormer_edge",
              "magi_slices",
              "mla_rope",
              "shifted_window",
              "sta_2d",
              "sta_3d",
              "svg_temporal",
              "t5_bias",
              "tiled_natten_2d",
              "vsa_padding"));

  private record Kernel(String spec, Target target, int dim, Dtype dtype) {

    /** What is wrong with any candidate for the target: they differ by the query length. */
    List<String> complaints() {
      return KernelCompiler.candidates(
              Kernels.library(spec), List.of(target), dtype, new HeadDim(dim, dim))
          .stream()
          .flatMap(c -> complaint(c.artifact(), c.schedule()).stream())
          .toList();
    }

    /** Why the kernel that the rules choose for the target is not the one that is built. */
    Optional<String> narrowed() {
      AttentionSpec library = Kernels.library(spec);
      KernelCompiler.Options options =
          new KernelCompiler.Options(
              target,
              library.dtype().orElse(dtype),
              library.headDim().orElse(new HeadDim(dim, dim)));
      String what = "%s, %s, head dim %d: ".formatted(spec, target.ptxName(), dim);
      try {
        KernelBuilder.Built built = KernelBuilder.build(library, options);
        List<String> flaws = built.assembly().flaws();
        return built.steps().isEmpty() && flaws.isEmpty()
            ? Optional.empty()
            : Optional.of(what + built.steps() + flaws);
      } catch (AssemblyException e) {
        return Optional.of(what + e.getMessage());
      }
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
   * spill.
   */
  @Test
  @EnabledIfSystemProperty(named = "attune.assemble", matches = "all|catalogue")
  void rulesChooseWhatIsBuilt() {
    List<String> others =
        SpecLibrary.names().stream().filter(n -> !SpecLibrary.basics().contains(n)).toList();
    Map<Target, List<Integer>> dims =
        Map.of(Target.SM_80, DIMS, Target.SM_90A, List.of(64, 128, 64, 128, 64, 128, 64, 256));
    List<Kernel> kernels = new ArrayList<>();
    for (int i = 0; i < others.size(); i++) {
      String name = others.get(i);
      Dtype dtype = i / 3 % 2 == 0 ? Dtype.BF16 : Dtype.F16;
      for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
        if (!NARROWED.getOrDefault(target, Set.of()).contains(name)) {
          List<Integer> turns = dims.getOrDefault(target, DIMS);
          kernels.add(new Kernel(name, target, turns.get(i % turns.size()), dtype));
        }
      }
    }
    assertEquals(
        "",
        String.join("\n", kernels.parallelStream().flatMap(k -> k.narrowed().stream()).toList()));
  }

  private static void assertAssembled(List<Kernel> kernels) {
    assertEquals(
        "",
        String.join("\n", kernels.parallelStream().flatMap(k -> k.complaints().stream()).toList()));
  }
}
