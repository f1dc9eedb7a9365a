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
              "outside_window",
              "longformer",
              "streaming_llm",
              "arrow_mask",
              "block_diagonal",
              "chunked_causal",
              "llama4_chunked",
              "mini_causal",
              "batched_causal",
              "dilated_causal",
              "skipped_keys",
              "sparse_transformer_strided",
              "sparse_transformer_fixed",
              "longnet",
              "bigbird",
              "blocksparse_phi3",
              "duo_attention",
              "per_head_causal"),
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
              "Padding and given masks",
              "padding_both",
              "padding_causal",
              "padding_causal_bottom_right",
              "left_padding",
              "query_mask",
              "key_limits",
              "causal_window_per_query",
              "arbitrary_mask",
              "custom_mask",
              "packed_bit_mask",
              "cudnn_block_mask",
              "flashmask",
              "flashmask_causal",
              "tokamax_ranges",
              "magi_slices"),
          section(
              "Prefixes, trees and media",
              "prefix_lm_per_sequence",
              "block_diffusion",
              "tree_attention",
              "jetspec_training",
              "multi_item_scoring",
              "flamingo_cross_attention",
              "mm_prefix_lm"),
          section(
              "Images and video",
              "natten_1d",
              "dilated_natten_1d",
              "causal_natten_1d",
              "natten_2d",
              "tiled_natten_2d",
              "morton_natten_2d",
              "sta_2d",
              "sta_3d",
              "svg_spatial",
              "svg_temporal",
              "axial_row",
              "axial_column",
              "shifted_window"),
          section(
              "Selected blocks",
              "vsa_topk",
              "vsa_block_map",
              "vsa_padding",
              "variable_block_sparse",
              "nsa_selected",
              "nsa_compressed",
              "compressed_sparse_attention",
              "hash_buckets"),
          section(
              "Biases and scores",
              "alibi_slopes",
              "alibi_interpolated",
              "alibi_symmetric",
              "t5_bias",
              "distance_bias",
              "distance_decay",
              "kerple_log",
              "kerple_power",
              "sandwich",
              "graphormer_spatial",
              "graphormer_edge",
              "point_distance",
              "mla_rope",
              "disentangled",
              "transformer_xl",
              "decomposed_position",
              "window_position_2d",
              "additive_bias",
              "causal_tensor_bias",
              "pre_scale_bias",
              "key_bias",
              "composed_bias",
              "xor_pattern",
              "head_scale",
              "cosine_attention",
              "scalable_softmax",
              "llama4_temperature",
              "forgetting",
              "grok"),
          section(
              "Sinks, outputs and weights",
              "off_by_one_softmax",
              "learnable_sink",
              "qk_clip",
              "relu_attention",
              "squared_relu_attention",
              "gelu_attention",
              "silu_attention",
              "linear_attention",
              "retention",
              "gated_linear"));

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
