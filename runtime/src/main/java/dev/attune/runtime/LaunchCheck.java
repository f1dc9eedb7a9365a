package dev.attune.runtime;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Turns arguments into a launch layout, or says why a kernel must not be launched with them,
 * wherever their tensors lie. {@link LaunchLayout#bind} does the rest.
 */
final class LaunchCheck {
  /** Bytes that one asynchronous copy moves; addresses and rows are aligned to it. */
  private static final int VECTOR_BYTES = 16;

  private static final int MAX_GRID_YZ = 65535;

  private final AttentionSpec spec;
  private final Manifest manifest;
  private final Arguments arguments;
  private final int multiprocessors;

  /** Checks arguments for a kernel on a device with so many multiprocessors. */
  LaunchCheck(AttentionSpec spec, Manifest manifest, Arguments arguments, int multiprocessors) {
    this.spec = spec;
    this.manifest = manifest;
    this.arguments = arguments;
    this.multiprocessors = multiprocessors;
  }

  /**
   * The layout.
   *
   * @throws LaunchException saying what the kernel does not take
   */
  LaunchLayout layout() {
    requireBatching();
    Map<Operand, Tensor> operands = operands();
    arguments.sequences().ifPresent(LaunchCheck::requireSequences);
    Shape shape = shape(operands);
    arguments.sequences().ifPresent(this::requireEnds);
    double scale = ScalarCheck.scale(arguments, shape);
    Map<String, Double> params = ScalarCheck.params(spec, arguments, shape);
    Map<String, Tensor> captured = captured(shape, scale, params);
    List<LaunchLayout.Place> places = places(operands, arguments.sequences(), captured);
    Map<String, Integer> indices = new HashMap<>();
    for (LaunchLayout.Place place : places) {
      indices.put(place.name(), indices.size());
    }
    requireGroup(shape);
    long step = step(new Bindings(shape, scale, params, Map.of()));
    Shape items = manifest.step().isPresent() ? classes(step, shape) : shape;
    int[] grid = grid(items);
    boolean empty = Arrays.stream(grid).anyMatch(n -> n == 0);
    BlockWriter writer =
        new BlockWriter(
            manifest,
            dense(operands),
            indices,
            shape,
            scale,
            params,
            arguments.sequences(),
            step,
            empty);
    return new LaunchLayout(
        shape,
        items.seq(),
        grid[0],
        grid[1],
        grid[2],
        places,
        writer.block(),
        writer.offsets(),
        writer.slots());
  }

  /** How far apart neighbours of a residue class are; 1 in whole sequences. */
  private long step(Bindings launch) {
    long step = manifest.step().map(new Eval(launch)::integer).orElse(1L);
    if (step < 1) {
      throw new LaunchException(
          "%s is %d, expected at least 1: this kernel takes every such position by itself"
              .formatted(Exprs.print(manifest.step().orElseThrow()), step));
    }
    return step;
  }

  private static Shape classes(long step, Shape shape) {
    try {
      return Residues.items(step, shape);
    } catch (ArithmeticException e) {
      throw new LaunchException(
          "the batch has %d elements of %d residue classes, expected at most 2^31 - 1 in all"
              .formatted(shape.batch(), Residues.classes(step, shape.seq())));
    }
  }

  private boolean packed() {
    return manifest.batching() == Batching.PACKED;
  }

  private void requireBatching() {
    Batching given = arguments.sequences().map(Sequences::batching).orElse(Batching.DENSE);
    if (given != manifest.batching()) {
      throw new LaunchException(
          "the batch is %s, and this kernel is for %s batches"
              .formatted(lower(given), lower(manifest.batching())));
    }
  }

  private static String lower(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT);
  }

  private static void requireSequences(Sequences sequences) {
    Map<String, Tensor> tensors = numbers(sequences);
    tensors.forEach(
        (name, tensor) -> {
          requireType(name, tensor, ElementType.I32);
          requireRank(name, tensor, 1);
          requireContiguous(name, tensor);
        });
    int entries = sequences.queries().extent(0);
    if (sequences.keys().extent(0) != entries || sequences.count() < 0) {
      throw new LaunchException(
          "%s have %d and %d entries, expected as many%s"
              .formatted(
                  String.join(" and ", tensors.keySet()),
                  entries,
                  sequences.keys().extent(0),
                  sequences.count() < 0 ? ", at least one" : ""));
    }
  }

  private static Map<String, Tensor> numbers(Sequences sequences) {
    Map<String, Tensor> numbers = new LinkedHashMap<>();
    numbers.put(sequences.name(Operand.Q), sequences.queries());
    numbers.put(sequences.name(Operand.K), sequences.keys());
    return numbers;
  }

  /** Sequences that the host knows end inside the tensors. */
  private void requireEnds(Sequences sequences) {
    requireEnd(sequences, Operand.Q, sequences.queryEnd());
    requireEnd(sequences, Operand.K, sequences.keyEnd());
  }

  private void requireEnd(Sequences sequences, Operand of, int end) {
    int tokens = (of == Operand.Q ? arguments.q() : arguments.k()).extent(packed() ? 0 : 1);
    if (end > tokens) {
      throw new LaunchException(
          "%s reaches token %d, but %s has %d"
              .formatted(sequences.name(of), end, name(of), tokens));
    }
  }

  /** The tensors of a packed batch as those of one batch element. */
  private Map<Operand, Tensor> dense(Map<Operand, Tensor> operands) {
    if (!packed()) {
      return operands;
    }
    Map<Operand, Tensor> dense = new LinkedHashMap<>();
    operands.forEach((operand, tensor) -> dense.put(operand, one(tensor)));
    return dense;
  }

  private static Tensor one(Tensor tensor) {
    int[] shape = new int[tensor.rank() + 1];
    long[] strides = new long[shape.length];
    shape[0] = 1;
    for (int axis = 0; axis < tensor.rank(); axis++) {
      shape[axis + 1] = tensor.extent(axis);
      strides[axis + 1] = tensor.stride(axis);
    }
    return Tensor.strided(tensor.buffer(), tensor.type(), tensor.offset(), shape, strides);
  }

  private int[] grid(Shape shape) {
    return manifest.batching() == Batching.DENSE ? denseGrid(shape) : sequenceGrid(shape);
  }

  /** CTAs for as many items as there may be. */
  private int[] sequenceGrid(Shape shape) {
    int tokens = packed() ? arguments.q().extent(0) : shape.seq();
    long all = (long) manifest.tiles(shape) * shape.batch() * shape.heads();
    if (all > Integer.MAX_VALUE) {
      throw new LaunchException(
          "q may have %d items of %d rows, expected at most 2^31 - 1"
              .formatted(all, manifest.rowsPerBlock()));
    }
    int tiles = tokens == 0 ? 0 : (int) manifest.tiles(shape, tokens);
    return switch (manifest.grid()) {
      case ITEMS -> {
        requireGrid("q's heads", shape.heads());
        yield new int[] {tiles, shape.heads(), 1};
      }
      case PERSISTENT, PERSISTENT_PACKED ->
          new int[] {Math.min(tiles * shape.heads(), multiprocessors), 1, 1};
    };
  }

  private int[] denseGrid(Shape shape) {
    return switch (manifest.grid()) {
      case ITEMS -> {
        requireGrid("q's heads", shape.heads());
        requireGrid("the batch", shape.batch());
        yield new int[] {manifest.tiles(shape), shape.heads(), shape.batch()};
      }
      case PERSISTENT, PERSISTENT_PACKED -> {
        long perBatch = manifest.items(shape);
        if (perBatch > 0 && shape.batch() > Integer.MAX_VALUE / perBatch) {
          throw new LaunchException(
              "q has %d items of %d rows for each of %d batches, expected at most 2^31 - 1 in all"
                  .formatted(perBatch, manifest.rowsPerBlock(), shape.batch()));
        }
        yield new int[] {(int) Math.min(perBatch * shape.batch(), multiprocessors), 1, 1};
      }
    };
  }

  private void requireGroup(Shape shape) {
    if (manifest.packed() && shape.group() > manifest.rowsPerBlock()) {
      throw new LaunchException(
          "q has %d heads for each of k's, and a tile of this kernel rows for at most %d"
              .formatted(shape.group(), manifest.rowsPerBlock()));
    }
  }

  private static boolean written(Operand operand) {
    return switch (operand) {
      case Q, K, V -> false;
      case O, LSE, MAX_SCORE -> true;
    };
  }

  /** What messages call an operand. */
  static String name(Operand operand) {
    return operand.name().toLowerCase(Locale.ROOT);
  }

  /** What messages call a captured tensor. */
  static String capturedName(String name) {
    return "tensor " + name;
  }

  /**
   * The tensors by operand; those of fixed type and rank, with what the kernel needs and no more.
   */
  private Map<Operand, Tensor> operands() {
    Map<Operand, Tensor> operands = new LinkedHashMap<>();
    operands.put(Operand.Q, arguments.q());
    operands.put(Operand.K, arguments.k());
    operands.put(Operand.V, arguments.v());
    operands.put(Operand.O, arguments.o());
    ElementType type = ElementType.of(manifest.dtype());
    operands.forEach((operand, tensor) -> requireType(name(operand), tensor, type));
    operands.forEach((operand, tensor) -> requireRank(name(operand), tensor, packed() ? 3 : 4));
    optional(Operand.LSE, arguments.lse()).ifPresent(t -> operands.put(Operand.LSE, t));
    optional(Operand.MAX_SCORE, arguments.maxScore())
        .ifPresent(t -> operands.put(Operand.MAX_SCORE, t));
    return operands;
  }

  private Optional<Tensor> optional(Operand operand, Optional<Tensor> given) {
    boolean needed =
        manifest.parameters().stream()
            .anyMatch(p -> p.role().equals(new Parameter.Role.Pointer(operand)));
    if (needed && given.isEmpty()) {
      throw new LaunchException(
          "%s is missing: this kernel writes it, as float32 %s"
              .formatted(name(operand), packed() ? "[Hq, tokens]" : "[B, Hq, Sq]"));
    }
    if (!needed && given.isPresent()) {
      throw new LaunchException(
          "%s is given, but this kernel does not write it".formatted(name(operand)));
    }
    given.ifPresent(
        t -> {
          requireType(name(operand), t, ElementType.F32);
          requireRank(name(operand), t, packed() ? 2 : 3);
          requireContiguous(name(operand), t);
        });
    return given;
  }

  private static void requireType(String name, Tensor tensor, ElementType type) {
    if (tensor.type() != type) {
      throw new LaunchException("%s has type %s, expected %s".formatted(name, tensor.type(), type));
    }
  }

  private static void requireRank(String name, Tensor tensor, int rank) {
    if (tensor.rank() != rank) {
      throw new LaunchException(
          "%s has %d dimensions, expected %d".formatted(name, tensor.rank(), rank));
    }
  }

  private static void requireContiguous(String name, Tensor tensor) {
    if (!tensor.isContiguous()) {
      throw new LaunchException(
          "%s has gaps or another order, expected row-major without gaps: %s"
              .formatted(name, tensor));
    }
  }

  private Shape shape(Map<Operand, Tensor> operands) {
    Tensor q = arguments.q();
    Tensor k = arguments.k();
    HeadDim head = manifest.headDim();
    Shape shape;
    try {
      shape = shape(q, k, head);
    } catch (IllegalArgumentException e) {
      throw new LaunchException(
          "q is %s and k is %s: %s"
              .formatted(Arrays.toString(q.shape()), Arrays.toString(k.shape()), e.getMessage()));
    }
    int queries = packed() ? q.extent(0) : shape.seq();
    int keys = packed() ? k.extent(0) : shape.kvSeq();
    String tokens = packed() ? "[tokens, H, " : "[B, S, H, ";
    operands.forEach(
        (operand, tensor) ->
            requireShape(
                name(operand),
                tensor,
                switch (operand) {
                  case Q -> extents(shape, queries, shape.heads(), head.qk());
                  case K -> extents(shape, keys, shape.kvHeads(), head.qk());
                  case V -> extents(shape, keys, shape.kvHeads(), head.v());
                  case O -> extents(shape, queries, shape.heads(), head.v());
                  case LSE, MAX_SCORE -> extents(shape, shape.heads(), queries);
                },
                switch (operand) {
                  case Q, K -> tokens + "Dqk]";
                  case V, O -> tokens + "Dv]";
                  case LSE, MAX_SCORE -> packed() ? "[Hq, tokens]" : "[B, Hq, Sq]";
                }));
    return shape;
  }

  private Shape shape(Tensor q, Tensor k, HeadDim head) {
    return arguments
        .sequences()
        .filter(s -> packed())
        .map(s -> new Shape(s.count(), q.extent(1), k.extent(1), s.maxQueries(), s.maxKeys(), head))
        .orElseGet(
            () ->
                new Shape(
                    arguments.sequences().map(Sequences::count).orElse(q.extent(0)),
                    q.extent(2),
                    k.extent(2),
                    q.extent(1),
                    k.extent(1),
                    head));
  }

  /** Extents after that of the batch, which a packed one does not have. */
  private int[] extents(Shape shape, int... others) {
    return packed()
        ? others
        : IntStream.concat(IntStream.of(shape.batch()), IntStream.of(others)).toArray();
  }

  private static void requireShape(String name, Tensor tensor, int[] expected, String meaning) {
    if (!Arrays.equals(tensor.shape(), expected)) {
      throw new LaunchException(
          "%s has shape %s, expected %s (%s, as q, k and the kernel have them)"
              .formatted(
                  name, Arrays.toString(tensor.shape()), Arrays.toString(expected), meaning));
    }
  }

  private Map<String, Tensor> captured(Shape shape, double scale, Map<String, Double> params) {
    for (String name : arguments.tensors().keySet().stream().sorted().toList()) {
      if (spec.tensor(name).isEmpty()) {
        throw ScalarCheck.undeclared(
            spec, "tensor", name, spec.tensors().stream().map(TensorDecl::name).toList());
      }
    }
    Eval eval = new Eval(new Bindings(shape, scale, params, Map.of()));
    Map<String, Tensor> captured = new LinkedHashMap<>();
    for (TensorDecl declared : spec.tensors()) {
      String name = declared.name();
      Tensor tensor = arguments.tensors().get(name);
      if (tensor == null) {
        throw new LaunchException(
            "tensor %s is missing, expected %s %s"
                .formatted(name, ElementType.of(declared.type()), extents(declared, eval)));
      }
      requireType(name, tensor, ElementType.of(declared.type()));
      requireRank(name, tensor, declared.shape().size());
      List<Long> expected = extents(declared, eval);
      if (!Arrays.stream(tensor.shape()).mapToObj(n -> (long) n).toList().equals(expected)) {
        throw new LaunchException(
            "%s has shape %s, expected %s"
                .formatted(name, Arrays.toString(tensor.shape()), expected));
      }
      requireContiguous(name, tensor);
      if (tensor.isEmpty() && shape.batch() > 0 && shape.seq() > 0 && shape.kvSeq() > 0) {
        throw new LaunchException(
            "%s has shape %s, expected at least one element"
                .formatted(name, Arrays.toString(tensor.shape())));
      }
      captured.put(name, tensor);
    }
    return captured;
  }

  private static List<Long> extents(TensorDecl declared, Eval eval) {
    List<Long> extents = new ArrayList<>();
    for (Expr e : declared.shape()) {
      extents.add(eval.integer(e));
    }
    return extents;
  }

  /** The bytes of every tensor, in the order of {@link Signature#tensors}. */
  private static List<LaunchLayout.Place> places(
      Map<Operand, Tensor> operands, Optional<Sequences> sequences, Map<String, Tensor> captured) {
    List<LaunchLayout.Place> places = new ArrayList<>();
    operands.forEach(
        (operand, tensor) -> {
          boolean vectors = operand != Operand.LSE && operand != Operand.MAX_SCORE;
          if (vectors && !tensor.isEmpty()) {
            requireStrides(name(operand), tensor);
          }
          int alignment = vectors ? VECTOR_BYTES : tensor.type().bytes();
          places.add(place(name(operand), tensor, alignment, written(operand)));
        });
    sequences
        .map(LaunchCheck::numbers)
        .orElse(Map.of())
        .forEach((name, tensor) -> places.add(place(name, tensor, tensor.type().bytes(), false)));
    captured.forEach(
        (name, tensor) ->
            places.add(place(capturedName(name), tensor, tensor.type().bytes(), false)));
    return places;
  }

  private static LaunchLayout.Place place(
      String name, Tensor tensor, int alignment, boolean written) {
    Footprint footprint;
    try {
      footprint = Footprint.relative(tensor);
    } catch (ArithmeticException e) {
      throw new LaunchException("%s has addresses beyond 64 bits: %s".formatted(name, tensor));
    }
    if (written && footprint.mayOverlapItself()) {
      throw new LaunchException(
          "%s is written, but its strides let elements share memory: %s".formatted(name, tensor));
    }
    return new LaunchLayout.Place(name, footprint, alignment, written);
  }

  private static void requireStrides(String name, Tensor tensor) {
    int last = tensor.rank() - 1;
    if (tensor.extent(last) > 1 && tensor.stride(last) != 1) {
      throw new LaunchException(
          "%s has stride %d along its last axis, expected 1".formatted(name, tensor.stride(last)));
    }
    int elements = VECTOR_BYTES / tensor.type().bytes();
    for (int axis = 0; axis < last; axis++) {
      if (tensor.extent(axis) > 1 && tensor.stride(axis) % elements != 0) {
        throw new LaunchException(
            "%s has stride %d along axis %d, expected a multiple of %d elements"
                .formatted(name, tensor.stride(axis), axis, elements));
      }
    }
  }

  private static void requireGrid(String what, int extent) {
    if (extent > MAX_GRID_YZ) {
      throw new LaunchException(
          "%s has extent %d, expected at most %d".formatted(what, extent, MAX_GRID_YZ));
    }
  }
}
