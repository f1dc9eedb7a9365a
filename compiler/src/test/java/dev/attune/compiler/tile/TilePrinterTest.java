package dev.attune.compiler.tile;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class TilePrinterTest {

  @Test
  void printsAKernelAsItsGoldenSays() throws IOException {
    try (InputStream golden = TilePrinterTest.class.getResourceAsStream("causal_sink.tile")) {
      String expected = new String(Objects.requireNonNull(golden).readAllBytes(), UTF_8);
      assertEquals(expected, TilePrinter.print(HandBuilt.kernel()));
    }
  }

  @Test
  void theLocaleChangesNothing() {
    String before = TilePrinter.print(HandBuilt.kernel());
    Locale locale = Locale.getDefault();
    try {
      Locale.setDefault(Locale.of("tr", "TR"));
      assertEquals(before, TilePrinter.print(HandBuilt.kernel()));
    } finally {
      Locale.setDefault(locale);
    }
  }
}
