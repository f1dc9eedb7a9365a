package dev.attune.specs;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** The specs that come with Attune, by name. Each file declares one attention of its own name. */
public final class SpecLibrary {
  private static final List<Section> SECTIONS =
      List.of(
          section(
              "Basics",
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
              "sigmoid"),
          section(
              "Windows, blocks and strides",
              "inverse_causal",
              "local_attention",
              "diagonal_band",
              "splash_local",
              "longformer",
              "streaming_llm",
              "block_diagonal",
              "chunked_causal",
              "llama4_chunked",
              "mini_causal",
              "batched_causal",
              "dilated_causal",
              "sparse_transformer_strided",
              "sparse_transformer_fixed",
              "bigbird",
              "blocksparse_phi3"),
          section(
              "Documents and packed sequences",
              "document",
              "document_sliding_window",
              "document_prefix_lm",
              "packed_causal_document",
              "jagged_causal",
              "segment_ids",
              "shared_prefix",
              "block_diagonal_causal",
              "block_diagonal_causal_from_bottom_right",
              "block_diagonal_causal_local",
              "block_diagonal_padded_keys",
              "block_diagonal_gappy_keys"),
          section(
              "Prefixes, trees and media",
              "block_diffusion",
              "tree_attention",
              "jetspec_training",
              "flamingo_cross_attention",
              "mm_prefix_lm"));

  private static final List<String> NAMES =
      SECTIONS.stream().flatMap(s -> s.names().stream()).toList();

  private SpecLibrary() {}

  /**
   * Specs of one kind.
   *
   * @param names from the plainest on
   */
  public record Section(String title, List<String> names) {}

  private static Section section(String title, String... names) {
    return new Section(title, List.of(names));
  }

  /** The library by kinds; the first are the basics that everything is tried on. */
  public static List<Section> sections() {
    return SECTIONS;
  }

  /** The names of the basics. */
  public static List<String> basics() {
    return SECTIONS.getFirst().names();
  }

  /** Every name, section by section. */
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
