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
  void printsKernelsAsTheirGoldensSay() throws IOException {
    assertEquals(golden("causal_sink.tile"), TilePrinter.print(HandBuilt.kernel()));
    assertEquals(golden("causal_sink_roles.tile"), TilePrinter.print(HandRoles.kernel()));
  }

  private static String golden(String name) throws IOException {
    try (InputStream golden = TilePrinterTest.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(golden).readAllBytes(), UTF_8);
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
