package dev.attune.proof;

import dev.attune.compiler.reference.Executor;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Explanation;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Packing;
import dev.attune.runtime.Sequences;
import dev.attune.runtime.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A device as an executor whose tensors lie in a chosen layout, in poisoned memory with guard zones
 * around them. Everything that is not an element of an output must be as before when the kernel has
 * finished.
 */
final class Placed implements Executor {
  /** As much as 64 rows of 128 elements. */
  private static final int GUARD = 16384;

  private final Device device;
  private final Plan plan;
  private final Layout layout;
  private final Poison poison;
  private final int behindInputs;

  private Placed(Device device, Plan plan, Layout layout, Poison poison, int behindInputs) {
    this.device = device;
    this.plan = plan;
    this.layout = layout;
    this.poison = poison;
    this.behindInputs = behindInputs;
  }

  Placed(Device device, Plan plan, Layout layout, Poison poison) {
    this(device, plan, layout, poison, GUARD);
  }

  /** Contiguous tensors amid NaN. */
  Placed(Device device, Plan plan) {
    this(device, plan, Layout.CONTIGUOUS, Poison.NAN);
  }

  /**
   * The same with nothing written behind the inputs: a device that checks sees any read past their
   * end.
   */
  Placed tight() {
    return new Placed(device, plan, layout, poison, 0);
  }

  /** What memory holds that a kernel has no business with. */
  enum Poison {
    ZERO,
    NAN,
    INFINITY,
    HUGE;

    /** The pattern of 16 bits; in pairs a float of the same kind, and an int far out of range. */
    short bits(Dtype dtype) {
      boolean bf16 = dtype == Dtype.BF16;
      return (short)
          switch (this) {
            case ZERO -> 0;
            case NAN -> 0xFFFF;
            case INFINITY -> bf16 ? 0x7F80 : 0x7C00;
            case HUGE -> bf16 ? 0x7F7F : 0x7BFF;
          };
    }
  }

  /** A tensor and its surroundings. */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data: never compared as a whole.
  private record Place(String name, Tensor tensor, byte[] before) {

    byte[] bytes() {
      byte[] bytes = new byte[before.length];
      tensor.buffer().read(0, bytes, 0, bytes.length);
      return bytes;
    }

    void reset() {
      tensor.buffer().write(0, before, 0, before.length);
    }

    void requireSame(byte[] expected, int launch) {
      int at = Arrays.mismatch(expected, bytes());
      if (at >= 0) {
        throw new AssertionError(
            "byte %d of %s's buffer is another after launch %d than after the first"
                .formatted(at, name, launch + 1));
      }
    }

    void requireUntouched() {
      byte[] after = bytes();
      int at = Arrays.mismatch(before, after);
      if (at >= 0) {
        throw new AssertionError(
            "byte %d of %s's buffer changed from %02x to %02x; the tensor starts at %d"
                .formatted(at, name, before[at], after[at], tensor.offset()));
      }
    }
  }

  @Override
  public Result run(Problem problem) {
    try (Kernel kernel = device.load(problem.spec(), plan.kernels(problem))) {
      return run(problem, kernel, 1);
    }
  }

  /** Runs a problem with a kernel of its own. */
  Result run(Problem problem, Artifact artifact) {
    try (Kernel kernel = device.load(problem.spec(), artifact)) {
      return run(problem, kernel, 1);
    }
  }

  /**
   * Runs a problem with a kernel. The first candidate, or another for its target, must take it,
   * unless a tensor is empty.
   *
   * @param times launches into the same outputs, which must hold the same bits after each
   */
  Result run(Problem problem, Kernel kernel, int times) {
    short fill = poison.bits(problem.dtype());
    ElementType type = ElementType.of(problem.dtype());
    Shape s = problem.shape();
    boolean softmax = problem.spec().normalization() instanceof Normalization.Softmax;
    boolean maximum = softmax && problem.spec().outputs().contains(Output.MAX_SCORE);
    Optional<Packing> queries = packing(problem, SequenceLengths::queries);
    Optional<Packing> keys = packing(problem, SequenceLengths::keys);
    NdArray rows =
        queries
            .map(p -> nan(s.heads(), p.tokens()))
            .orElseGet(() -> nan(s.batch(), s.heads(), s.seq()));
    NdArray unwritten =
        queries
            .map(p -> nan(p.tokens(), s.heads(), s.headDim().v()))
            .orElseGet(() -> nan(s.batch(), s.seq(), s.heads(), s.headDim().v()));
    List<Place> inputs = new ArrayList<>();
    List<Place> outputs = new ArrayList<>();
    Optional<Sequences> sequences = sequences(problem);
    try {
      inputs.add(input("q", type, packed(queries, problem.q()), layout, fill));
      inputs.add(input("k", type, packed(keys, problem.k()), layout, fill));
      inputs.add(input("v", type, packed(keys, problem.v()), layout, fill));
      outputs.add(output("o", type, unwritten, layout, fill));
      Arguments arguments =
          Arguments.of(
                  inputs.get(0).tensor(),
                  inputs.get(1).tensor(),
                  inputs.get(2).tensor(),
                  outputs.get(0).tensor())
              .scale(problem.bindings().scale());
      if (softmax) {
        outputs.add(output("lse", ElementType.F32, rows, Layout.CONTIGUOUS, fill));
        arguments = arguments.lse(outputs.getLast().tensor());
      }
      if (maximum) {
        outputs.add(output("max_score", ElementType.F32, rows, Layout.CONTIGUOUS, fill));
        arguments = arguments.maxScore(outputs.getLast().tensor());
      }
      for (var p : problem.bindings().params().entrySet()) {
        arguments = arguments.param(p.getKey(), p.getValue());
      }
      for (var t : problem.bindings().tensors().entrySet()) {
        NdArray values = t.getValue();
        ElementType element = ElementType.of(values.type());
        inputs.add(input(t.getKey(), element, values, Layout.CONTIGUOUS, fill));
        arguments = arguments.tensor(t.getKey(), inputs.getLast().tensor());
      }
      if (sequences.isPresent()) {
        arguments = arguments.sequences(sequences.get());
      }
      Arguments all = arguments;
      boolean elements = inputs.stream().limit(3).noneMatch(p -> p.tensor().isEmpty());
      if (elements) {
        requireFamily(kernel.explain(all).candidates());
      }
      kernel.launch(device.stream(), all);
      device.synchronize();
      List<NdArray> results = outputs.stream().map(p -> p.tensor().download()).toList();
      List<byte[]> written = outputs.stream().map(Place::bytes).toList();
      for (int i = 1; i < times; i++) {
        outputs.forEach(Place::reset);
        kernel.launch(device.stream(), all);
        device.synchronize();
        for (int j = 0; j < outputs.size(); j++) {
          outputs.get(j).requireSame(written.get(j), i);
        }
      }
      inputs.forEach(Place::requireUntouched);
      for (Place output : outputs) {
        output.tensor().upload(nan(output.tensor().shape()));
        output.requireUntouched();
      }
      UnaryOperator<NdArray> ofRows = r -> queries.map(p -> p.unpackRows(r, s.seq())).orElse(r);
      return new Result(
          queries.map(p -> p.unpack(results.getFirst(), s.seq())).orElse(results.getFirst()),
          softmax ? Optional.of(ofRows.apply(results.get(1))) : Optional.empty(),
          maximum ? Optional.of(ofRows.apply(results.get(2))) : Optional.empty());
    } finally {
      inputs.forEach(p -> p.tensor().buffer().close());
      outputs.forEach(p -> p.tensor().buffer().close());
      sequences.ifPresent(Sequences::close);
    }
  }

  private static void requireFamily(List<Explanation.Verdict> candidates) {
    Explanation.Verdict first = candidates.getFirst();
    boolean taken =
        candidates.stream()
            .filter(c -> c.manifest().target() == first.manifest().target())
            .anyMatch(c -> c.refusal().isEmpty());
    if (!taken) {
      throw new AssertionError("the first candidate refuses: " + first.refusal().orElseThrow());
    }
  }

  private Place input(String name, ElementType type, NdArray values, Layout where, short fill) {
    return place(name, type, values, where, fill, behindInputs);
  }

  private Place output(String name, ElementType type, NdArray values, Layout where, short fill) {
    return place(name, type, values, where, fill, GUARD);
  }

  private Place place(
      String name, ElementType type, NdArray values, Layout where, short fill, int behind) {
    int[] shape = values.shape();
    long[] strides = strides(where, shape);
    long span = 1;
    for (int axis = 0; axis < shape.length; axis++) {
      span += shape[axis] > 1 ? (shape[axis] - 1) * strides[axis] : 0;
    }
    int offset = GUARD + where.offset();
    byte[] before = new byte[Math.toIntExact(offset + span * type.bytes() + behind)];
    for (int i = 0; i < before.length; i++) {
      before[i] = (byte) (fill >> (8 * (i % 2)));
    }
    Buffer buffer = device.allocate(before.length + GUARD - behind);
    buffer.write(0, before, 0, before.length);
    Tensor tensor = Tensor.strided(buffer, type, offset, shape, strides).upload(values);
    buffer.read(0, before, 0, before.length);
    return new Place(name, tensor, before);
  }

  /** What has three axes has no batch. */
  private static long[] strides(Layout layout, int... shape) {
    return switch (shape.length) {
      case 4 -> layout.strides(shape);
      case 3 -> {
        long[] strides = layout.strides(1, shape[0], shape[1], shape[2]);
        yield Arrays.copyOfRange(strides, 1, 4);
      }
      default -> rowMajor(shape);
    };
  }

  private Optional<Packing> packing(
      Problem problem, Function<SequenceLengths, List<Integer>> lengths) {
    return problem
        .bindings()
        .lengths()
        .filter(l -> plan.batching() == Batching.PACKED)
        .map(l -> new Packing(lengths.apply(l)));
  }

  private static NdArray packed(Optional<Packing> packing, NdArray padded) {
    return packing.map(p -> p.pack(padded)).orElse(padded);
  }

  private Optional<Sequences> sequences(Problem problem) {
    Shape s = problem.shape();
    return problem
        .bindings()
        .lengths()
        .map(
            l ->
                plan.batching() == Batching.PACKED
                    ? Sequences.packed(
                        device,
                        new Packing(l.queries()).offsets(),
                        new Packing(l.keys()).offsets(),
                        s.seq(),
                        s.kvSeq())
                    : Sequences.padded(device, ints(l.queries()), ints(l.keys())));
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  private static long[] rowMajor(int... shape) {
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= Math.max(1, shape[axis]);
    }
    return strides;
  }

  private static NdArray nan(int... shape) {
    NdArray array = NdArray.floats(shape);
    Arrays.fill(array.floats(), Float.NaN);
    return array;
  }
}
