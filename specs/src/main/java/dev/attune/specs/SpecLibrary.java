package dev.attune.specs;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** The specs that come with Attune, by name. Each file declares one attention of its own name. */
public final class SpecLibrary {
  private static final List<String> NAMES =
      List.of(
          "full",
          "causal",
          "causal_bottom_right",
          "sliding_window",
          "dilated_window",
          "prefix_lm",
          "document_causal",
          "padding",
          "softcap",
          "softcap_fast",
          "gemma2_local",
          "alibi",
          "relative_bias",
          "gpt_oss",
          "sigmoid");

  private SpecLibrary() {}

  /** Every name, from the plainest on. */
  public static List<String> names() {
    return NAMES;
  }

  /** The text of a spec, or empty where the library has none of that name. */
  public static Optional<String> text(String name) {
    if (!NAMES.contains(name)) {
      return Optional.empty();
    }
    String resource = "/attn/" + name + ".attn";
    try (InputStream in = SpecLibrary.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("the library lacks its own " + resource);
      }
      return Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The first sentence of a spec's header comment, without its full stop. */
  public static Optional<String> summary(String name) {
    return text(name).map(SpecLibrary::firstSentence);
  }

  private static String firstSentence(String text) {
    StringBuilder header = new StringBuilder();
    for (String line : text.lines().takeWhile(l -> l.startsWith("// ")).toList()) {
      header.append(header.isEmpty() ? "" : " ").append(line.substring(3).strip());
    }
    int end = header.indexOf(". ");
    String sentence = end >= 0 ? header.substring(0, end) : header.toString();
    return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
  }
}
