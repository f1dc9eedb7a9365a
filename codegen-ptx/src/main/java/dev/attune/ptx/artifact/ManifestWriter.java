package dev.attune.ptx.artifact;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Operand;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** A manifest as JSON text: one line per field, and per parameter, scalar and tensor. */
final class ManifestWriter {
  /** The version of the layout; a reader refuses any other. */
  static final int FORMAT = 1;

  private ManifestWriter() {}

  static String write(Manifest m, String ptxSha256, Optional<String> cubinSha256) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("format", FORMAT);
    root.put("spec", m.spec());
    root.put("entry", m.entry());
    said(root, "family", m.family());
    said(root, "schedule", m.schedule());
    root.put("target", m.target().ptxName());
    root.put("dtype", m.dtype().keyword());
    root.putObject("head_dim").put("qk", m.headDim().qk()).put("v", m.headDim().v());
    root.put("threads", m.threads());
    root.put("rows_per_block", m.rowsPerBlock());
    if (m.batching() != Batching.DENSE) {
      root.put("batching", name(m.batching()));
    }
    m.step().ifPresent(step -> step(root, step));
    grid(m.grid(), m.batching(), m.step(), m.rowsPerBlock()).forEach(root.putArray("grid")::add);
    root.putObject("queries").put("from", m.queries().from()).put("to", m.queries().to());
    root.put("shared_bytes", m.sharedBytes());
    root.put("ptx_sha256", ptxSha256);
    cubinSha256.ifPresent(sha256 -> root.put("cubin_sha256", sha256));
    ArrayNode parameters = root.putArray("parameters");
    m.parameters().forEach(p -> parameters.add(parameter(p)));
    ArrayNode params = root.putArray("params");
    m.params().forEach(p -> params.add(scalar(p)));
    ArrayNode tensors = root.putArray("tensors");
    m.tensors().forEach(t -> tensors.add(captured(t)));
    return lines(root);
  }

  private static void said(ObjectNode root, String field, String text) {
    if (!text.isEmpty()) {
      root.put(field, text);
    }
  }

  /** The numbers of CTAs along x, y and z as formulas. */
  static List<String> grid(
      Manifest.Grid grid, Batching batching, Optional<Expr> step, int rowsPerBlock) {
    if (step.isPresent()) {
      String n = Exprs.print(step.get());
      String tiles = "ceil(ceil(Sq / " + n + ") / " + rowsPerBlock + ")";
      return List.of("min(" + tiles + " * Hq * B * min(" + n + ", Sq), SMs)", "1", "1");
    }
    String tiles = "ceil(Sq / " + rowsPerBlock + ")";
    String packed = "ceil(Sq / floor(" + rowsPerBlock + " / group))";
    String bound =
        switch (batching) {
          case DENSE -> "";
          case PADDED -> tiles + " * B";
          case PACKED -> "min(" + tiles + " * B, floor(tokens / " + rowsPerBlock + ") + B)";
        };
    if (!bound.isEmpty()) {
      return grid == Manifest.Grid.ITEMS
          ? List.of(bound, "Hq", "1")
          : List.of("min(" + bound + " * Hq, SMs)", "1", "1");
    }
    return switch (grid) {
      case ITEMS -> List.of(tiles, "Hq", "B");
      case PERSISTENT -> List.of("min(" + tiles + " * Hq * B, SMs)", "1", "1");
      case PERSISTENT_PACKED -> List.of("min(" + packed + " * Hkv * B, SMs)", "1", "1");
    };
  }

  private static void step(ObjectNode root, Expr step) {
    if (step instanceof Expr.IntConst(long n)) {
      root.put("step", n);
    } else {
      root.put("step", Exprs.print(step));
    }
  }

  /** The name of an enum constant in the file. */
  static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static ObjectNode parameter(Parameter p) {
    ObjectNode node =
        JsonNodeFactory.instance.objectNode().put("name", p.name()).put("type", p.type().ptx());
    return switch (p.role()) {
      case Parameter.Role.Pointer(Operand of) -> node.put("role", "pointer").put("of", name(of));
      case Parameter.Role.Stride(Operand of, Parameter.Axis axis) ->
          node.put("role", "stride").put("of", name(of)).put("axis", name(axis));
      case Parameter.Role.Size(var extent) ->
          node.put("role", "size").put("extent", extent.keyword());
      case Parameter.Role.Scale() -> node.put("role", "scale");
      case Parameter.Role.ScaleLog2e() -> node.put("role", "scale_log2e");
      case Parameter.Role.Scalar(String param) -> node.put("role", "scalar").put("param", param);
      case Parameter.Role.TensorMap(Operand of, int rows, int cols, Parameter.Form form) ->
          node.put("role", role(form))
              .put("of", name(of))
              .put("box_rows", rows)
              .put("box_cols", cols);
      case Parameter.Role.BoxBytes(Operand of) -> node.put("role", "box_bytes").put("of", name(of));
      case Parameter.Role.Sequences(Operand of) ->
          node.put("role", "sequences").put("of", name(of));
      case Parameter.Role.Tokens(Operand of) -> node.put("role", "tokens").put("of", name(of));
      case Parameter.Role.Pitch(Operand of) -> node.put("role", "pitch").put("of", name(of));
      case Parameter.Role.Counter() -> node.put("role", "counter");
      case Parameter.Role.Captured(String tensor) ->
          node.put("role", "captured").put("tensor", tensor);
    };
  }

  /** The role of a tensor map. */
  private static String role(Parameter.Form form) {
    return switch (form) {
      case PLAIN -> "tensor_map";
      case GROUPED -> "grouped_tensor_map";
      case SEQUENCES -> "sequences_tensor_map";
    };
  }

  private static ObjectNode scalar(Manifest.Scalar s) {
    ObjectNode node =
        JsonNodeFactory.instance.objectNode().put("name", s.name()).put("type", s.type());
    number(node, "default", s.defaultValue());
    number(node, "low", s.low());
    number(node, "high", s.high());
    return node;
  }

  private static void number(ObjectNode node, String field, double value) {
    if (!Double.isFinite(value)) {
      node.putNull(field);
    } else if (value == (long) value && Math.abs(value) <= 1L << 53) {
      node.put(field, (long) value);
    } else {
      node.put(field, value);
    }
  }

  private static ObjectNode captured(Manifest.Captured t) {
    ObjectNode node =
        JsonNodeFactory.instance.objectNode().put("name", t.name()).put("type", t.type());
    t.shape().forEach(node.putArray("shape")::add);
    return node;
  }

  private static String lines(ObjectNode root) {
    return root.properties().stream()
        .map(field -> "  \"" + field.getKey() + "\": " + value(field.getValue()))
        .collect(Collectors.joining(",\n", "{\n", "\n}\n"));
  }

  private static String value(JsonNode node) {
    if (node instanceof ArrayNode && node.path(0).isObject()) {
      return StreamSupport.stream(node.spliterator(), false)
          .map(element -> "    " + element)
          .collect(Collectors.joining(",\n", "[\n", "\n  ]"));
    }
    return node.toString();
  }
}
