package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Kernels for {@code sm_90a} of another generator run on the emulator and give attention; and what
 * such a kernel must not leave out is missed.
 */
final class ReferenceKernelTest {
  @ParameterizedTest
  @CsvSource({
    "d128_full_short, 128, 128, 196720, 131, LATEST, ROUND_ROBIN",
    "d128_full, 192, 80, 221328, 200, LATEST, RANDOM",
    "d128_causal_short, 128, 128, 196720, 200, EARLIEST, REVERSE",
    "d128_causal, 192, 80, 221328, 200, RANDOM, RANDOM",
    "d64_full_long, 192, 96, 123024, 200, LATEST, STARVED",
    "d64_full, 256, 64, 114832, 131, RANDOM, REVERSE",
    "d64_causal, 256, 64, 114832, 300, LATEST, ROUND_ROBIN",
    "d256_full, 128, 64, 196720, 131, EARLIEST, ROUND_ROBIN",
    "d256_causal, 128, 64, 196720, 200, LATEST, RANDOM",
  })
  void givesAttention(
      String kernel,
      int rows,
      int columns,
      int shared,
      int length,
      AsyncPolicy async,
      WarpOrder order)
      throws IOException {
    int depth = Integer.parseInt(kernel.substring(1, kernel.indexOf('_')));
    new ReferenceProblem(length, depth, kernel.contains("causal"))
        .check(
            kernel,
            ReferenceProblem.text(kernel),
            rows,
            columns,
            shared,
            new EmulatorOptions(length, async, order, 1, 10_000_000));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "1 | wgmma\\.fence\\.sync\\.aligned; | no wgmma.fence comes before the first wgmma",
        "4 | wgmma\\.fence\\.sync\\.aligned; | unfenced: register 's0'",
        "6 | wgmma\\.fence\\.sync\\.aligned; | unfenced: register 'pa0'",
        "1 | wgmma\\.commit_group\\.sync\\.aligned; | wgmma.commit_group is missing",
        "5 | wgmma\\.commit_group\\.sync\\.aligned; | wgmma.wait_group is missing",
        "3 | wgmma\\.wait_group\\.sync\\.aligned 0; | 'pa0' is written while a wgmma reads it",
        "2 | wgmma\\.wait_group\\.sync\\.aligned 1; | 's0' is read while a wgmma accumulates",
        "1 | fence\\.proxy\\.async\\.shared::cta; | unfenced: shared byte",
        "1 | @pel cp\\.async\\.bulk\\.wait_group\\.read 0; | was read by a bulk store",
        "2 | bar\\.sync epb, 128; | with no barrier in between",
        "10 | @!pt bra L\\d+; | a bulk copy may still write it",
        "2 | @!pt bra L\\d+; | is overwritten but was read by",
        "3 | @pel mbarrier\\.arrive[^;]*; | deadlock",
        "1 | fence\\.mbarrier_init\\.release\\.cluster; | with no fence.mbarrier_init",
      })
  void missesWhatIsLeftOut(int occurrence, String statement, String reason) throws IOException {
    String text = ReferenceProblem.text("d64_causal");
    Matcher matcher = Pattern.compile(statement).matcher(text);
    for (int i = 0; i < occurrence; i++) {
      assertTrue(matcher.find(), statement);
    }
    String mutant = text.substring(0, matcher.start()) + text.substring(matcher.end());
    EmulatorOptions options =
        new EmulatorOptions(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN, 1, 3_000_000);
    ReferenceProblem problem = new ReferenceProblem(300, 64, true);
    String message =
        assertThrows(
                EmulationException.class,
                () -> problem.check("mutant", mutant, 256, 64, 114832, options))
            .getMessage();
    assertTrue(message.contains(reason), message);
  }
}
