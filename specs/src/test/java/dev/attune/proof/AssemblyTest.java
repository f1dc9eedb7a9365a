package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.Assembly;
import dev.attune.ptx.assemble.Notice;
import dev.attune.specs.SpecLibrary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Kernels of the library assemble without spills and without waits that the assembler inserts. A
 * build assembles every spec and every combination of target, head dimension and dtype once; with
 * {@code -Dattune.assemble=all} it assembles their product.
 */
class AssemblyTest {
  private static final List<Target> TARGETS =
      List.of(Target.SM_80, Target.SM_86, Target.SM_89, Target.SM_90);
  private static final List<Integer> DIMS = List.of(64, 128, 256);

  private record Kernel(String spec, Target target, int dim, Dtype dtype) {

    Optional<String> complaint() {
      Artifact artifact = Kernels.of(Kernels.library(spec), target, dtype, new HeadDim(dim, dim));
      Assembly assembly = Assembler.assemble(artifact.ptx(), target);
      List<Notice> serial = assembly.notices().stream().filter(Notice::serializes).toList();
      if (assembly.spillStores() + assembly.spillLoads() + serial.size() == 0) {
        return Optional.empty();
      }
      return Optional.of(
          "%s, %s, head dim %d, %s: %d registers, %d bytes spilled, %d loaded back %s"
              .formatted(
                  spec,
                  target.ptxName(),
                  dim,
                  dtype.keyword(),
                  assembly.registers(),
                  assembly.spillStores(),
                  assembly.spillLoads(),
                  serial));
    }
  }

  private static List<Kernel> kernels() {
    boolean all = "all".equals(System.getProperty("attune.assemble"));
    List<Kernel> kernels = new ArrayList<>();
    List<String> names = SpecLibrary.names();
    int combination = 0;
    for (Target target : TARGETS) {
      for (int dim : DIMS) {
        for (Dtype dtype : Dtype.values()) {
          for (int i = 0; i < names.size(); i++) {
            // 24 combinations and 14 specs: each combination has one, each spec has one or two.
            if (all || i == combination % names.size()) {
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
    assertEquals(
        "",
        String.join(
            "\n",
            kernels().parallelStream().map(Kernel::complaint).flatMap(Optional::stream).toList()));
  }
}
