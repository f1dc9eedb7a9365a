package dev.attune.ptx.tune;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.tune.TunedSchedules.Entry;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A table of schedules as JSON text. */
final class TunedJson {
  /** The version of the layout; a reader refuses any other. */
  private static final int FORMAT = 1;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private TunedJson() {}

  static String write(TunedSchedules table) {
    return table.entries().stream()
        .map(e -> "    " + entry(e))
        .collect(
            Collectors.joining(
                ",\n",
                "{\n  \"format\": %d,\n  \"gpu\": %s,\n  \"schedules\": [\n"
                    .formatted(FORMAT, JsonNodeFactory.instance.textNode(table.gpu())),
                "\n  ]\n}\n"));
  }

  private static ObjectNode entry(Entry e) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("dtype", e.dtype().keyword());
    node.putObject("head_dim").put("qk", e.headDim().qk()).put("v", e.headDim().v());
    node.put("mask", e.mask().keyword());
    lengths(node, "queries", e.queries());
    lengths(node, "keys", e.keys());
    Schedule.Hopper s = e.schedule();
    node.putObject("schedule")
        .put("cols", s.cols())
        .put("consumers", s.consumers())
        .put("stages", s.stages())
        .put("query_in_registers", s.queryInRegisters())
        .put("output", keyword(s.output()))
        .put("rescale_first", s.rescaleFirst())
        .put("skip_empty", s.skipEmpty())
        .put("integer_max", s.integerMax())
        .put("lazy_threshold", s.lazyThreshold());
    return node.put("why", s.why());
  }

  private static void lengths(ObjectNode node, String name, Lengths lengths) {
    ObjectNode range = node.putObject(name).put("from", lengths.from());
    if (lengths.to() == Shape.MAX_SEQ) {
      range.putNull("to");
    } else {
      range.put("to", lengths.to());
    }
  }

  private static String keyword(Output output) {
    return output.name().toLowerCase(Locale.ROOT);
  }

  static TunedSchedules read(String json) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "the table of schedules is not JSON: %s at line %d"
              .formatted(
                  e.getOriginalMessage().lines().findFirst().orElse(""),
                  e.getLocation() == null ? 1 : e.getLocation().getLineNr()),
          e);
    }
    return new Node("", root).table();
  }

  /** A value and where it stands. */
  private record Node(String path, JsonNode json) {

    TunedSchedules table() {
      if (at("format").integer(0, Integer.MAX_VALUE) != FORMAT) {
        throw at("format").bad("" + FORMAT);
      }
      Node schedules = at("schedules");
      if (!schedules.json.isArray()) {
        throw schedules.bad("a list");
      }
      return new TunedSchedules(
          at("gpu").text(),
          IntStream.range(0, schedules.json.size())
              .mapToObj(i -> new Node("schedules[" + i + "]", schedules.json.path(i)).entry())
              .toList());
    }

    private Entry entry() {
      return new Entry(
          at("dtype").oneOf(Stream.of(Dtype.values()), Dtype::keyword),
          new HeadDim(
              at("head_dim").at("qk").integer(1, 1 << 16),
              at("head_dim").at("v").integer(1, 1 << 16)),
          at("mask").oneOf(Stream.of(MaskClass.values()), MaskClass::keyword),
          at("queries").lengths(),
          at("keys").lengths(),
          at("schedule").schedule(at("why").text()));
    }

    private Lengths lengths() {
      int from = at("from").integer(1, Shape.MAX_SEQ);
      Node to = at("to");
      return new Lengths(from, to.json.isNull() ? Shape.MAX_SEQ : to.integer(from, Shape.MAX_SEQ));
    }

    private Schedule.Hopper schedule(String why) {
      try {
        return new Schedule.Hopper(
            at("cols").integer(1, 1 << 16),
            at("consumers").integer(0, 1 << 16),
            at("stages").integer(0, 1 << 16),
            at("query_in_registers").bool(),
            at("output").oneOf(Arrays.stream(Output.values()), TunedJson::keyword),
            at("rescale_first").bool(),
            at("skip_empty").bool(),
            at("integer_max").bool(),
            at("lazy_threshold").integer(0, 1 << 16),
            why);
      } catch (IllegalArgumentException e) {
        throw e.getMessage() != null && e.getMessage().startsWith("the table")
            ? e
            : new IllegalArgumentException(
                "the table's %s is no schedule: %s".formatted(path, e.getMessage()), e);
      }
    }

    private Node at(String field) {
      if (!json.isObject()) {
        throw bad("an object");
      }
      return new Node(path.isEmpty() ? field : path + "." + field, json.path(field));
    }

    private String text() {
      if (!json.isTextual()) {
        throw bad("a string");
      }
      return json.textValue();
    }

    private boolean bool() {
      if (!json.isBoolean()) {
        throw bad("true or false");
      }
      return json.booleanValue();
    }

    private int integer(int low, int high) {
      if (!json.isInt() || json.intValue() < low || json.intValue() > high) {
        throw bad("an integer from " + low + " to " + high);
      }
      return json.intValue();
    }

    private <T> T oneOf(Stream<T> values, Function<T, String> name) {
      String text = text();
      var all = values.toList();
      return all.stream()
          .filter(v -> name.apply(v).equals(text))
          .findFirst()
          .orElseThrow(() -> bad(all.stream().map(name).collect(Collectors.joining(", "))));
    }

    private IllegalArgumentException bad(String expected) {
      String found = json.isMissingNode() ? "missing" : abbreviate(json.toString());
      return new IllegalArgumentException(
          "the table's %s is %s, expected %s"
              .formatted(path.isEmpty() ? "content" : path, found, expected));
    }

    private static String abbreviate(String text) {
      return text.length() <= 60 ? text : text.substring(0, 57) + "...";
    }
  }
}
