package dev.attune.runtime;

import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A problem of host memory laid out on a device with its kernel, ready to be launched any number of
 * times. Outputs start as NaN, so that what a kernel leaves unwritten shows. A problem whose
 * sequences have their own lengths is packed for kernels that take it so.
 */
public final class DeviceProblem implements AutoCloseable {
  private final Device device;
  private final Shape shape;
  private final Kernel kernel;
  private final Optional<Sequences> sequences;
  private final Optional<Packing> queries;
  private final Optional<Packing> keys;
  private final List<Buffer> buffers = new ArrayList<>();
  private final Arguments arguments;
  private final Tensor output;
  private final Optional<Tensor> lse;
  private final Optional<Tensor> maxScore;

  /**
   * Uploads a problem and loads a kernel that was compiled for it.
   *
   * @param candidates best first, at least one
   */
  public DeviceProblem(Device device, Problem problem, List<Artifact> candidates) {
    this(device, problem, device.load(problem.spec(), candidates));
  }

  /**
   * Uploads a problem for a kernel.
   *
   * @param kernel closed with this
   */
  public DeviceProblem(Device device, Problem problem, Kernel kernel) {
    AttentionSpec spec = problem.spec();
    Shape s = problem.shape();
    boolean softmax = spec.normalization() instanceof Normalization.Softmax;
    boolean most = softmax && spec.outputs().contains(Output.MAX_SCORE);
    this.device = device;
    this.shape = s;
    this.kernel = kernel;
    Batching batching = kernel.manifests().getFirst().batching();
    Optional<SequenceLengths> lengths = problem.bindings().lengths();
    boolean packed = batching == Batching.PACKED;
    this.queries = lengths.filter(l -> packed).map(l -> new Packing(l.queries()));
    this.keys = lengths.filter(l -> packed).map(l -> new Packing(l.keys()));
    this.sequences = lengths.map(l -> sequences(l, batching));
    int[] rows = {s.batch(), s.seq(), s.heads(), s.headDim().v()};
    int[] tokens = {queries.map(Packing::tokens).orElse(0), s.heads(), s.headDim().v()};
    this.output = unwritten(ElementType.of(problem.dtype()), packed ? tokens : rows);
    this.lse = softmax ? Optional.of(perRow(s)) : Optional.empty();
    this.maxScore = most ? Optional.of(perRow(s)) : Optional.empty();
    Arguments a =
        Arguments.of(
                kept(device.tensor(problem.dtype(), packed(queries, problem.q()))),
                kept(device.tensor(problem.dtype(), packed(keys, problem.k()))),
                kept(device.tensor(problem.dtype(), packed(keys, problem.v()))),
                output)
            .scale(problem.bindings().scale());
    if (lse.isPresent()) {
      a = a.lse(lse.get());
    }
    if (maxScore.isPresent()) {
      a = a.maxScore(maxScore.get());
    }
    for (var p : problem.bindings().params().entrySet()) {
      a = a.param(p.getKey(), p.getValue());
    }
    for (var t : problem.bindings().tensors().entrySet()) {
      a = a.tensor(t.getKey(), kept(device.tensor(t.getValue())));
    }
    this.arguments = sequences.isPresent() ? a.sequences(sequences.get()) : a;
  }

  private Sequences sequences(SequenceLengths lengths, Batching batching) {
    return switch (batching) {
      case PACKED ->
          Sequences.packed(
              device,
              new Packing(lengths.queries()).offsets(),
              new Packing(lengths.keys()).offsets(),
              shape.seq(),
              shape.kvSeq());
      case PADDED -> Sequences.padded(device, array(lengths.queries()), array(lengths.keys()));
      case DENSE ->
          throw new LaunchException(
              "sequences have their own lengths, and this kernel is for dense batches");
    };
  }

  private static int[] array(List<Integer> lengths) {
    return lengths.stream().mapToInt(Integer::intValue).toArray();
  }

  private static NdArray packed(Optional<Packing> packing, NdArray padded) {
    return packing.map(p -> p.pack(padded)).orElse(padded);
  }

  /** What every candidate says to the problem. */
  public Explanation explain() {
    return kernel.explain(arguments);
  }

  /** Launches the kernel on the device's own stream, without waiting for it. */
  public void launch() {
    launch(device.stream());
  }

  /** Launches the kernel on a stream, without waiting for it. */
  void launch(Stream stream) {
    kernel.launch(stream, arguments);
  }

  /** The outputs, once everything launched has finished. */
  public Result result() {
    device.synchronize();
    NdArray o = output.download();
    return new Result(
        queries.map(p -> p.unpack(o, shape.seq())).orElse(o),
        lse.map(this::rows),
        maxScore.map(this::rows));
  }

  private NdArray rows(Tensor tensor) {
    NdArray rows = tensor.download();
    return queries.map(p -> p.unpackRows(rows, shape.seq())).orElse(rows);
  }

  @Override
  public void close() {
    kernel.close();
    buffers.forEach(Buffer::close);
    sequences.ifPresent(Sequences::close);
  }

  private Tensor kept(Tensor tensor) {
    buffers.add(tensor.buffer());
    return tensor;
  }

  private Tensor perRow(Shape s) {
    return queries
        .map(p -> unwritten(ElementType.F32, s.heads(), p.tokens()))
        .orElseGet(() -> unwritten(ElementType.F32, s.batch(), s.heads(), s.seq()));
  }

  /** A tensor of NaN: every byte 0xFF is one in each float type. */
  private Tensor unwritten(ElementType type, int... shape) {
    Tensor tensor = kept(device.empty(type, shape));
    tensor.buffer().fill((byte) 0xFF);
    return tensor;
  }
}
