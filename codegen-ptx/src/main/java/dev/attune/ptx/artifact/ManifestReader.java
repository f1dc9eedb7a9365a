package dev.attune.ptx.artifact;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Reads what {@link ManifestWriter} writes, and refuses everything else with a reason. */
final class ManifestReader {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private ManifestReader() {}

  static Manifest read(String json, String ptxSha256, Optional<String> cubinSha256) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new ArtifactException(
          "the manifest is not JSON: %s at line %d"
              .formatted(
                  e.getOriginalMessage().lines().findFirst().orElse(""),
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr()),
          e);
    }
    Node manifest = new Node("", root);
    Manifest read = manifest.manifest(ptxSha256);
    cubinSha256.ifPresent(manifest::requireCubin);
    return read;
  }

  /** A value and where it stands. */
  private record Node(String path, @Nullable JsonNode json) {

    Manifest manifest(String ptxSha256) {
      int format = at("format").integer(0, Integer.MAX_VALUE);
      if (format != ManifestWriter.FORMAT) {
        throw at("format").bad("" + ManifestWriter.FORMAT);
      }
      if (!at("ptx_sha256").text().equals(ptxSha256)) {
        throw new ArtifactException("the manifest does not belong to this PTX: ptx_sha256 differs");
      }
      int rows = at("rows_per_block").integer(1, 1 << 20);
      String spec = at("spec").text();
      Batching batching = batching();
      Optional<Expr> step = step();
      if (step.isPresent() && batching != Batching.DENSE) {
        throw at("batching").bad("none beside a step");
      }
      return new Manifest(
          spec,
          at("entry").text(),
          at("target").oneOf(Target.values(), Target::ptxName),
          at("dtype").oneOf(Dtype.values(), Dtype::keyword),
          new HeadDim(
              at("head_dim").at("qk").integer(1, 1 << 16),
              at("head_dim").at("v").integer(1, 1 << 16)),
          grid(rows, batching, step),
          batching,
          at("queries").lengths(),
          at("threads").integer(1, 1024),
          rows,
          at("shared_bytes").integer(0, 1 << 20),
          at("parameters").list(Node::parameter),
          at("params").list(Node::scalar),
          at("tensors").list(Node::captured),
          step,
          said("family"),
          said("schedule"));
    }

    /** What is absent was not said. */
    private String said(String field) {
      Node node = at(field);
      return node.json == null ? "" : node.text();
    }

    private void requireCubin(String sha256) {
      Node field = at("cubin_sha256");
      if (field.json == null || !field.text().equals(sha256)) {
        throw new ArtifactException(
            "the manifest does not belong to this machine code: cubin_sha256 differs");
      }
    }

    private Lengths lengths() {
      int from = at("from").integer(1, Shape.MAX_SEQ);
      return new Lengths(from, at("to").integer(from, Shape.MAX_SEQ));
    }

    private Manifest.Grid grid(int rows, Batching batching, Optional<Expr> step) {
      List<String> found = at("grid").list(Node::text);
      List<Manifest.Grid> grids =
          step.isPresent() ? List.of(Manifest.Grid.PERSISTENT) : List.of(Manifest.Grid.values());
      return grids.stream()
          .filter(grid -> ManifestWriter.grid(grid, batching, step, rows).equals(found))
          .findFirst()
          .orElseThrow(
              () ->
                  at("grid")
                      .bad(
                          Arrays.stream(Manifest.Grid.values())
                              .map(
                                  grid ->
                                      ManifestWriter.grid(grid, batching, step, rows).toString())
                              .collect(Collectors.joining(" or "))));
    }

    /** What is absent is of whole sequences. */
    private Optional<Expr> step() {
      Node field = at("step");
      return field.json == null
          ? Optional.empty()
          : Optional.of(
              field.json.isTextual()
                  ? new Expr.Param(field.text(), ScalarType.INT)
                  : Exprs.of((long) field.integer(1, Integer.MAX_VALUE)));
    }

    /** What is absent is dense. */
    private Batching batching() {
      Node field = at("batching");
      return field.json == null
          ? Batching.DENSE
          : field.oneOf(Batching.values(), ManifestWriter::name);
    }

    Parameter parameter() {
      String role = at("role").text();
      return new Parameter(
          at("name").text(),
          switch (role) {
            case "pointer" -> new Parameter.Role.Pointer(operand());
            case "stride" ->
                new Parameter.Role.Stride(
                    operand(), at("axis").oneOf(Parameter.Axis.values(), ManifestWriter::name));
            case "size" ->
                new Parameter.Role.Size(at("extent").oneOf(Extent.values(), Extent::keyword));
            case "scale" -> new Parameter.Role.Scale();
            case "scale_log2e" -> new Parameter.Role.ScaleLog2e();
            case "scalar" -> new Parameter.Role.Scalar(at("param").text());
            case "tensor_map" -> tensorMap(Parameter.Form.PLAIN);
            case "grouped_tensor_map" -> tensorMap(Parameter.Form.GROUPED);
            case "sequences_tensor_map" -> tensorMap(Parameter.Form.SEQUENCES);
            case "sequences" -> new Parameter.Role.Sequences(operand());
            case "tokens" -> new Parameter.Role.Tokens(operand());
            case "pitch" -> new Parameter.Role.Pitch(operand());
            case "box_bytes" -> new Parameter.Role.BoxBytes(operand());
            case "counter" -> new Parameter.Role.Counter();
            case "captured" -> new Parameter.Role.Captured(at("tensor").text());
            default ->
                throw at("role")
                    .bad(
                        "pointer, stride, size, scale, scale_log2e, scalar, captured, tensor_map,"
                            + " grouped_tensor_map, sequences_tensor_map, box_bytes, sequences,"
                            + " tokens, pitch or counter");
          },
          at("type").oneOf(Parameter.Type.values(), Parameter.Type::ptx));
    }

    private Parameter.Role tensorMap(Parameter.Form form) {
      return new Parameter.Role.TensorMap(
          operand(), at("box_rows").integer(1, 256), at("box_cols").integer(8, 64), form);
    }

    private Operand operand() {
      return at("of").oneOf(Operand.values(), ManifestWriter::name);
    }

    Manifest.Scalar scalar() {
      return new Manifest.Scalar(
          at("name").text(),
          at("type").type(),
          at("default").number(Double.NaN),
          at("low").number(Double.NEGATIVE_INFINITY),
          at("high").number(Double.POSITIVE_INFINITY));
    }

    Manifest.Captured captured() {
      return new Manifest.Captured(
          at("name").text(), at("type").type(), at("shape").list(Node::text));
    }

    private Node at(String field) {
      if (json == null || !json.isObject()) {
        throw bad("an object");
      }
      return new Node(path.isEmpty() ? field : path + "." + field, json.get(field));
    }

    private String text() {
      if (json == null || !json.isTextual()) {
        throw bad("a string");
      }
      return json.textValue();
    }

    private String type() {
      return oneOf(new String[] {"int", "float", "bool"}, Function.identity());
    }

    private int integer(int low, int high) {
      if (json == null || !json.isInt() || json.intValue() < low || json.intValue() > high) {
        throw bad("an integer from " + low + " to " + high);
      }
      return json.intValue();
    }

    private double number(double ofNull) {
      if (json != null && json.isNull() && !Double.isNaN(ofNull)) {
        return ofNull;
      }
      if (json == null || !json.isNumber() || !Double.isFinite(json.doubleValue())) {
        throw bad(Double.isNaN(ofNull) ? "a finite number" : "a finite number or null");
      }
      return json.doubleValue();
    }

    private <T> List<T> list(Function<Node, T> element) {
      if (json == null || !json.isArray()) {
        throw bad("a list");
      }
      JsonNode array = json;
      return IntStream.range(0, array.size())
          .mapToObj(i -> element.apply(new Node(path + "[" + i + "]", array.get(i))))
          .toList();
    }

    private <T> T oneOf(T[] values, Function<T, String> name) {
      String text = text();
      return Arrays.stream(values)
          .filter(v -> name.apply(v).equals(text))
          .findFirst()
          .orElseThrow(
              () -> bad(Arrays.stream(values).map(name).collect(Collectors.joining(", "))));
    }

    private ArtifactException bad(String expected) {
      String found = json == null ? "missing" : abbreviate(json.toString());
      return new ArtifactException(
          "the manifest's %s is %s, expected %s"
              .formatted(path.isEmpty() ? "content" : path, found, expected));
    }

    private static String abbreviate(String text) {
      return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }
  }
}
