package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaMachine;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs every case on a GPU of compute capability 9.0, and records its answers where the system
 * property {@code attune.record} names a file.
 */
@Tag("gpu")
class CudaVectorsTest {
  private static final Map<GoldenCase, byte[]> OUTPUTS = new LinkedHashMap<>();
  private static final List<String> REFUSED = new ArrayList<>();
  private static String device = "";

  @BeforeAll
  static void run() throws IOException {
    try (CudaDevice cuda = CudaDevice.open()) {
      DeviceInfo info = cuda.info();
      assumeTrue(info.runs(Target.SM_90A), () -> info.name() + " does not run code for sm_90a");
      device =
          "%s, compute capability %d.%d, driver %s"
              .formatted(info.name(), info.major(), info.minor(), info.driver());
      Machine machine = CudaMachine.of(cuda);
      for (GoldenCase test : Cases.all()) {
        try {
          OUTPUTS.put(test, machine.run(test));
        } catch (DeviceException e) {
          REFUSED.add(test + ": " + e.getMessage());
        }
      }
    }
    String path = System.getProperty("attune.record", "");
    if (!path.isEmpty()) {
      try (OutputStream to = Files.newOutputStream(Path.of(path))) {
        GoldenFile.of(device, OUTPUTS).write(to);
      }
      System.out.printf("recorded %d cases on %s in %s%n", OUTPUTS.size(), device, path);
    }
  }

  @Test
  void everyCaseRuns() {
    assertEquals("", String.join("\n", REFUSED));
  }

  @Test
  void theEmulatorAgrees() {
    List<String> wrong = new ArrayList<>();
    OUTPUTS.forEach(
        (test, output) -> {
          Agreement.Found found = test.agreement().compare(output, Emulated.output(test));
          if (!found.agrees()) {
            wrong.add(test + ": " + found);
          }
        });
    System.out.printf(
        "golden vectors on %s: the emulator agrees in %d of %d cases%n",
        device, OUTPUTS.size() - wrong.size(), OUTPUTS.size());
    assertEquals("", String.join("\n", wrong));
  }

  /** Bit for bit, approximations too. */
  @Test
  void theDeviceStillGivesWhatIsRecorded() throws IOException {
    Optional<GoldenFile> shipped = GoldenFile.shipped();
    assumeTrue(shipped.isPresent(), "no golden vectors yet");
    Map<String, GoldenFile.Recording> recordings = shipped.orElseThrow().recordings();
    List<String> wrong = new ArrayList<>();
    OUTPUTS.forEach(
        (test, output) -> {
          GoldenFile.Recording recording = recordings.get(test.name());
          if (recording != null && recording.digest().equals(test.digest())) {
            Agreement.Found found = Agreement.BITS.compare(recording.output(), output);
            if (!found.agrees()) {
              wrong.add(test + ": " + found);
            }
          }
        });
    assertEquals("", String.join("\n", wrong));
  }
}
