package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaProbe;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("gpu")
class CudaDeviceTest extends DeviceContract {
  @Override
  Device open() {
    return CudaDevice.open();
  }

  @Test
  void theProbeAgreesWithTheDevice() {
    CudaProbe probe = CudaProbe.probe();
    assertEquals(Optional.empty(), probe.problem());
    try (Device device = open()) {
      assertEquals(probe.usable().orElseThrow().info().orElseThrow(), device.info());
      assertTrue(device.info().runs(Target.SM_80));
    }
  }

  /** Launches a kernel that traps, then uses the device again; prints both messages. */
  static final class Trap {
    private Trap() {}

    public static void main(String[] args) {
      Artifact trapping =
          new Artifact(
              CopyKernel.artifact().manifest(), CopyKernel.PTX.replace("DONE:\n", "DONE:\n trap;"));
      Device device = CudaDevice.open();
      Kernel kernel = device.load(CopyKernel.SPEC, trapping);
      kernel.launch(
          device.stream(),
          Arguments.of(
                  device.tensor(Dtype.BF16, NdArray.floats(1, 2, 1, 8)),
                  device.empty(ElementType.BF16, 1, 1, 1, 8),
                  device.empty(ElementType.BF16, 1, 1, 1, 8),
                  device.empty(ElementType.BF16, 1, 2, 1, 8))
              .lse(device.empty(ElementType.F32, 1, 1, 2))
              .tensor("bias", device.tensor(NdArray.floats(1))));
      for (Runnable use : List.<Runnable>of(device::synchronize, () -> device.allocate(16))) {
        try {
          use.run();
          System.out.println("no error");
        } catch (DeviceException e) {
          System.out.println(e.getMessage());
        }
      }
      device.close();
    }
  }

  @Test
  void aFailureSticksAndNamesTheLaunch() throws Exception {
    Process process =
        new ProcessBuilder(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "--enable-native-access=ALL-UNNAMED",
                "-D%s=off".formatted(Setting.CACHE.property()),
                "-D%s=off".formatted(Setting.SELF_TEST.property()),
                "-cp",
                System.getProperty("java.class.path"),
                Trap.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    List<String> lines = output.lines().toList();
    assertEquals(2, lines.size(), output);
    assertTrue(
        lines
            .getFirst()
            .matches("the device failed with CUDA_ERROR_.*; the last launch was copy,.*"),
        output);
    assertEquals(lines.getFirst(), lines.getLast());
  }
}
