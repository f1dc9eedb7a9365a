package dev.attune.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.compile.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a build made of one attention: the texts that state it, and which files hold the kernels for
 * which request.
 *
 * @param spec name of the attention
 * @param texts the file that declares it, then every file that is imported
 * @param compiler identity of the compiler that made the kernels
 * @param kernels names of artifacts without extension, best first
 */
public record PrebuiltIndex(
    String spec, List<Text> texts, String compiler, Map<Request, List<String>> kernels) {
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON = new ObjectMapper();

  public PrebuiltIndex {
    texts = List.copyOf(texts);
    Map<Request, List<String>> copy = new LinkedHashMap<>();
    kernels.forEach((request, names) -> copy.put(request, List.copyOf(names)));
    kernels = Collections.unmodifiableMap(copy);
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("no texts, expected at least that of " + spec);
    }
  }

  /**
   * A file of the language.
   *
   * @param name what diagnostics call it
   * @param imports which of the texts each of its imports means, by name
   */
  public record Text(String name, String content, Map<String, Integer> imports) {
    public Text {
      imports = Map.copyOf(imports);
    }
  }

  /**
   * The meaning of the attention.
   *
   * @throws SpecException if this version of the language does not take the texts
   */
  public AttentionSpec parse() {
    return SpecText.of(this);
  }

  /** The file's text: the same for the same index. */
  public String toJson() {
    ObjectNode root = JSON.createObjectNode();
    root.put("format", FORMAT);
    root.put("spec", spec);
    root.put("compiler", compiler);
    ArrayNode files = root.putArray("texts");
    for (Text text : texts) {
      ObjectNode node = files.addObject().put("name", text.name()).put("content", text.content());
      ObjectNode imports = node.putObject("imports");
      text.imports().entrySet().stream()
          .sorted(Map.Entry.comparingByKey())
          .forEach(e -> imports.put(e.getKey(), e.getValue()));
    }
    ArrayNode list = root.putArray("kernels");
    kernels.forEach(
        (request, names) -> {
          ObjectNode node = list.addObject();
          ArrayNode targets = node.putArray("targets");
          request.targets().forEach(t -> targets.add(t.ptxName()));
          node.put("dtype", request.dtype().keyword());
          node.putObject("head_dim")
              .put("qk", request.headDim().qk())
              .put("v", request.headDim().v());
          node.put("batching", word(request.batching()));
          names.forEach(node.putArray("artifacts")::add);
        });
    try {
      return JSON.writerWithDefaultPrettyPrinter()
              .writeValueAsString(root)
              .replace(System.lineSeparator(), "\n")
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote. Kernels for what this version does not know, such as a newer
   * target, are left out.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public static PrebuiltIndex fromJson(String json) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + e.getOriginalMessage(), e);
    }
    int format = root.path("format").asInt();
    if (format != FORMAT) {
      throw new IllegalArgumentException("format %d, expected %d".formatted(format, FORMAT));
    }
    List<Text> texts = new ArrayList<>();
    for (JsonNode node : root.path("texts")) {
      Map<String, Integer> imports = new LinkedHashMap<>();
      node.path("imports").properties().forEach(e -> imports.put(e.getKey(), e.getValue().asInt()));
      texts.add(new Text(node.path("name").asText(), node.path("content").asText(), imports));
    }
    for (Text text : texts) {
      for (int i : text.imports().values()) {
        if (i < 0 || i >= texts.size()) {
          throw new IllegalArgumentException("%s imports a text that is not there".formatted(text));
        }
      }
    }
    Map<Request, List<String>> kernels = new LinkedHashMap<>();
    for (JsonNode node : root.path("kernels")) {
      List<String> names = new ArrayList<>();
      node.path("artifacts").forEach(name -> names.add(name.asText()));
      request(node).ifPresent(request -> kernels.put(request, names));
    }
    return new PrebuiltIndex(
        root.path("spec").asText(), texts, root.path("compiler").asText(), kernels);
  }

  private static Optional<Request> request(JsonNode node) {
    List<Target> targets = new ArrayList<>();
    for (JsonNode name : node.path("targets")) {
      Optional<Target> target =
          Arrays.stream(Target.values()).filter(t -> t.ptxName().equals(name.asText())).findFirst();
      if (target.isEmpty()) {
        return Optional.empty();
      }
      targets.add(target.get());
    }
    Optional<Dtype> dtype =
        Arrays.stream(Dtype.values())
            .filter(d -> d.keyword().equals(node.path("dtype").asText()))
            .findFirst();
    Optional<Batching> batching =
        Arrays.stream(Batching.values())
            .filter(b -> word(b).equals(node.path("batching").asText()))
            .findFirst();
    JsonNode dim = node.path("head_dim");
    return targets.isEmpty() || dtype.isEmpty() || batching.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Request(
                targets,
                dtype.get(),
                new HeadDim(dim.path("qk").asInt(), dim.path("v").asInt()),
                batching.get()));
  }

  private static String word(Batching batching) {
    return batching.name().toLowerCase(Locale.ROOT);
  }
}
