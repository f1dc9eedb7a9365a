package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The emulator gives what a GPU gave. */
class GoldenVectorsTest {
  private static GoldenFile file = new GoldenFile("", Map.of());

  @BeforeAll
  static void read() throws IOException {
    Optional<GoldenFile> shipped = GoldenFile.shipped();
    assumeTrue(shipped.isPresent(), "no golden vectors yet: " + GoldenFile.HOW);
    file = shipped.orElseThrow();
  }

  static List<GoldenCase> cases() {
    return Cases.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theEmulatorGivesWhatTheGpuGave(GoldenCase test) {
    assertEquals(Optional.empty(), file.problem(test, Emulated.output(test)));
  }

  @Test
  void nothingIsRecordedThatIsNotReplayed() {
    assertEquals(
        Cases.all().stream().map(GoldenCase::name).sorted().toList(),
        List.copyOf(file.recordings().keySet()),
        GoldenFile.HOW);
  }
}
