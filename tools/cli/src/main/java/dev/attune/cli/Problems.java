package dev.attune.cli;

import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.runtime.Npy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The problem that the command line states: sizes, params, tensors, Q, K and V. */
final class Problems {
  private static final int HEADS = 2;
  private static final int SEQ = 256;

  private final AttentionSpec spec;
  private final KernelOptions kernel;
  private final ShapeOptions options;
  private final Optional<SequenceLengths> lengths;

  private Problems(
      AttentionSpec spec,
      KernelOptions kernel,
      ShapeOptions options,
      Optional<SequenceLengths> lengths) {
    this.spec = spec;
    this.kernel = kernel;
    this.options = options;
    this.lengths = lengths;
  }

  /**
   * The whole problem.
   *
   * @param lengths of sequences, where each has its own
   * @throws CliException if options, files and spec do not fit together
   */
  static Problem problem(
      AttentionSpec spec,
      KernelOptions kernel,
      ShapeOptions options,
      Optional<SequenceLengths> lengths) {
    return new Problems(spec, kernel, options, lengths).problem();
  }

  /** Sizes, scale, params and captured tensors alone. */
  static Bindings bindings(AttentionSpec spec, KernelOptions kernel, ShapeOptions options) {
    Problems problems = new Problems(spec, kernel, options, Optional.empty());
    return problems.bindings(problems.shape(problems.arrays()));
  }

  /** An array and the file that it came from. */
  private record Loaded(String name, String file, NdArray array) {
    int extent(int axis) {
      return array.shape()[axis];
    }

    @Override
    public String toString() {
      return "%s %s has shape %s".formatted(name, file, Arrays.toString(array.shape()));
    }
  }

  private record Arrays3(Loaded q, Loaded k, Loaded v) {}

  private Problem problem() {
    Optional<Arrays3> arrays = arrays();
    Shape shape = shape(arrays);
    Dtype dtype = kernel.dtype(spec);
    requireSize("Q", shape.batch(), shape.seq(), shape.heads(), shape.headDim().qk());
    requireSize("K", shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().qk());
    requireSize("V", shape.batch(), shape.kvSeq(), shape.kvHeads(), shape.headDim().v());
    requireSize("O", shape.batch(), shape.seq(), shape.heads(), shape.headDim().v());
    Bindings bindings = lengths.map(l -> of(l, bindings(shape))).orElseGet(() -> bindings(shape));
    return arrays
        .map(
            a ->
                new Problem(
                    spec,
                    bindings,
                    dtype,
                    rounded(a.q(), dtype),
                    rounded(a.k(), dtype),
                    rounded(a.v(), dtype)))
        .orElseGet(
            () ->
                Inputs.problem(spec, bindings, dtype, Inputs.Distribution.NORMAL, options.seed()));
  }

  private static Bindings of(SequenceLengths lengths, Bindings bindings) {
    Shape s = bindings.shape();
    if (lengths.queries().size() != s.batch()) {
      throw new CliException(
          "--sequences has %d lengths, but the batch has %d sequences"
              .formatted(lengths.queries().size(), s.batch()));
    }
    requireFit("--sequences", lengths.queries(), s.seq());
    requireFit("--kv-sequences", lengths.keys(), s.kvSeq());
    return bindings.with(lengths);
  }

  private static void requireFit(String option, List<Integer> lengths, int most) {
    if (longest(lengths) > most) {
      throw new CliException(
          "%s has a sequence of %d, expected at most %d positions"
              .formatted(option, longest(lengths), most));
    }
  }

  private static int longest(List<Integer> lengths) {
    return lengths.stream().max(Integer::compare).orElse(0);
  }

  private Optional<Arrays3> arrays() {
    return options
        .files()
        .map(f -> new Arrays3(load("--q", f.q()), load("--k", f.k()), load("--v", f.v())));
  }

  private static Loaded load(String option, String file) {
    NdArray array = Npy.read(Path.of(file));
    if (array.type() != ScalarType.FLOAT) {
      throw new CliException(
          "%s %s holds %s, expected float32 or float16"
              .formatted(option, file, stored(array.type())));
    }
    if (array.shape().length != 4) {
      throw new CliException(
          "%s %s has shape %s, expected 4 axes: %s"
              .formatted(
                  option,
                  file,
                  Arrays.toString(array.shape()),
                  option.equals("--q") ? "[B, Sq, Hq, D]" : "[B, Skv, Hkv, D]"));
    }
    return new Loaded(option, file, array);
  }

  private Shape shape(Optional<Arrays3> arrays) {
    return arrays.map(this::shapeOf).orElseGet(this::askedShape);
  }

  private Shape askedShape() {
    int heads = options.heads().orElse(options.kvHeads().orElse(HEADS));
    int seq = options.seq().orElse(lengths.map(l -> longest(l.queries())).orElse(SEQ));
    return shape(
        options.batch().orElse(lengths.map(l -> l.queries().size()).orElse(1)),
        heads,
        options.kvHeads().orElse(heads),
        seq,
        options.kvSeq().orElse(lengths.map(l -> longest(l.keys())).orElse(seq)),
        kernel.headDim(spec));
  }

  private Shape shapeOf(Arrays3 a) {
    agree("batch", a.q(), 0, a.k(), 0);
    agree("batch", a.q(), 0, a.v(), 0);
    agree("key positions", a.k(), 1, a.v(), 1);
    agree("kv heads", a.k(), 2, a.v(), 2);
    agree("head dim", a.q(), 3, a.k(), 3);
    obey("--batch", options.batch(), a.q(), 0);
    obey("--seq", options.seq(), a.q(), 1);
    obey("--heads", options.heads(), a.q(), 2);
    obey("--kv-seq", options.kvSeq(), a.k(), 1);
    obey("--kv-heads", options.kvHeads(), a.k(), 2);
    HeadDim dim = new HeadDim(a.q().extent(3), a.v().extent(3));
    KernelOptions.requireHeadDim(spec, dim, "Q, K and V have head dim %s".formatted(dim));
    kernel
        .askedHeadDim()
        .filter(asked -> !asked.equals(dim))
        .ifPresent(
            asked -> {
              throw new CliException(
                  "--head-dim says %s, but Q, K and V have head dim %s".formatted(asked, dim));
            });
    return shape(
        a.q().extent(0), a.q().extent(2), a.k().extent(2), a.q().extent(1), a.k().extent(1), dim);
  }

  private static void agree(String what, Loaded a, int axisA, Loaded b, int axisB) {
    if (a.extent(axisA) != b.extent(axisB)) {
      throw new CliException(
          "%s and %s disagree about the %s: %s, %s".formatted(a.name(), b.name(), what, a, b));
    }
  }

  private static void obey(String option, OptionalInt asked, Loaded loaded, int axis) {
    if (asked.isPresent() && asked.getAsInt() != loaded.extent(axis)) {
      throw new CliException("%s says %d, but %s".formatted(option, asked.getAsInt(), loaded));
    }
  }

  private static Shape shape(int batch, int heads, int kvHeads, int seq, int kvSeq, HeadDim dim) {
    try {
      return new Shape(batch, heads, kvHeads, seq, kvSeq, dim);
    } catch (IllegalArgumentException e) {
      throw new CliException(String.valueOf(e.getMessage()));
    }
  }

  /** Refuses arrays that Java cannot hold. */
  private static void requireSize(String name, int... extents) {
    double count = Arrays.stream(extents).asDoubleStream().reduce(1, (a, b) -> a * b);
    if (count > Integer.MAX_VALUE - 8) {
      throw new CliException(
          "%s would have %s elements, and 'attune run' holds at most 2^31; ask for smaller sizes"
              .formatted(
                  name,
                  Arrays.stream(extents)
                      .mapToObj(Integer::toString)
                      .collect(Collectors.joining(" x "))));
    }
  }

  private Bindings bindings(Shape shape) {
    Map<String, Double> params = Params.values(spec, shape, options.params());
    double scale = options.scale().orElse(1 / Math.sqrt(Math.max(1, shape.headDim().qk())));
    if (!(scale > 0) || !((float) scale > 0) || Float.isInfinite((float) scale)) {
      throw new CliException(
          "--scale is %s, expected a finite number greater than 0".formatted(scale));
    }
    double stored = options.scale().isPresent() ? (float) scale : scale;
    Bindings sizes = new Bindings(shape, stored, params, Map.of());
    Map<String, NdArray> tensors = new LinkedHashMap<>(random(sizes));
    options.tensors().forEach((name, file) -> tensors.put(name, captured(name, file, sizes)));
    return new Bindings(shape, stored, params, tensors);
  }

  private Map<String, NdArray> random(Bindings sizes) {
    try {
      return Inputs.tensors(spec, sizes, options.seed());
    } catch (ArithmeticException e) {
      throw new CliException(
          "a captured tensor would have more than 2^31 elements; ask for smaller sizes");
    }
  }

  private NdArray captured(String name, String file, Bindings sizes) {
    List<String> known = spec.tensors().stream().map(TensorDecl::name).toList();
    TensorDecl declared =
        spec.tensor(name)
            .orElseThrow(() -> new CliException(Params.unknown(spec, "tensor", name, known)));
    NdArray array = Npy.read(Path.of(file));
    if (array.type() != declared.type()) {
      throw new CliException(
          "tensor %s: %s holds %s, but %s declares %s, stored as %s"
              .formatted(
                  name,
                  file,
                  stored(array.type()),
                  declared.origin(),
                  declared.type().keyword(),
                  stored(declared.type())));
    }
    Eval eval = new Eval(sizes);
    long[] shape = declared.shape().stream().mapToLong(eval::integer).toArray();
    long[] found = Arrays.stream(array.shape()).asLongStream().toArray();
    if (!Arrays.equals(shape, found)) {
      String stated =
          declared.shape().stream().map(Exprs::print).collect(Collectors.joining(", ", "[", "]"));
      throw new CliException(
          "tensor %s: %s has shape %s, but %s declares %s, which is %s"
              .formatted(
                  name,
                  file,
                  Arrays.toString(found),
                  declared.origin(),
                  stated,
                  Arrays.toString(shape)));
    }
    return Facts.require(declared, file, array);
  }

  /** How elements of a type are stored in files. */
  private static String stored(ScalarType type) {
    return switch (type) {
      case INT -> "int32";
      case FLOAT -> "float32";
      case BOOL -> "bool";
    };
  }

  private static NdArray rounded(Loaded loaded, Dtype dtype) {
    float[] from = loaded.array().floats();
    float[] to = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      to[i] = dtype.round(from[i]);
    }
    return new NdArray(loaded.array().shape(), to);
  }

  /** The names of the spec's tensors, random ones marked. */
  static Stream<String> tensorLines(Problem problem, ShapeOptions options) {
    return problem.spec().tensors().stream()
        .map(
            t ->
                "%s %s%s %s"
                    .formatted(
                        t.name(),
                        t.type().keyword(),
                        Optional.ofNullable(problem.bindings().tensors().get(t.name()))
                            .map(array -> Arrays.toString(array.shape()))
                            .orElse(""),
                        options.tensors().getOrDefault(t.name(), "random")));
  }
}
