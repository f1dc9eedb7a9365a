package dev.attune.cli.measure;

import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One problem on a device, with random data, that any number of kernels compute in turn. */
public final class Workload implements AutoCloseable {
  /** Rows whose live keys are counted, and rows at each end that are compared. */
  private static final int SAMPLED_ROWS = 64;

  private final AttentionSpec spec;
  private final Bindings bindings;
  private final List<Buffer> buffers = new ArrayList<>();
  private final Arguments arguments;

  /**
   * Allocates and fills a problem.
   *
   * @param params values of declared params, all of them
   */
  public Workload(
      Device device,
      AttentionSpec spec,
      Dtype dtype,
      Shape shape,
      Map<String, Double> params,
      long seed) {
    this.spec = spec;
    this.bindings = Inputs.bindings(spec, shape, params, seed);
    boolean softmax = spec.normalization() instanceof Normalization.Softmax;
    NormalSamples samples = new NormalSamples(dtype);
    ElementType type = ElementType.of(dtype);
    int qk = shape.headDim().qk();
    int v = shape.headDim().v();
    Tensor q = kept(device.empty(type, shape.batch(), shape.seq(), shape.heads(), qk));
    Tensor k = kept(device.empty(type, shape.batch(), shape.kvSeq(), shape.kvHeads(), qk));
    Tensor values = kept(device.empty(type, shape.batch(), shape.kvSeq(), shape.kvHeads(), v));
    samples.fill(q, seed);
    samples.fill(k, seed + 1);
    samples.fill(values, seed + 2);
    Tensor o = kept(device.empty(type, shape.batch(), shape.seq(), shape.heads(), v));
    Arguments a = Arguments.of(q, k, values, o).scale(bindings.scale());
    int[] perRow = {shape.batch(), shape.heads(), shape.seq()};
    if (softmax) {
      a = a.lse(kept(device.empty(ElementType.F32, perRow)));
    }
    if (softmax && spec.outputs().contains(Output.MAX_SCORE)) {
      a = a.maxScore(kept(device.empty(ElementType.F32, perRow)));
    }
    for (var p : bindings.params().entrySet()) {
      a = a.param(p.getKey(), p.getValue());
    }
    for (var t : bindings.tensors().entrySet()) {
      a = a.tensor(t.getKey(), kept(device.tensor(t.getValue())));
    }
    this.arguments = a;
  }

  private Tensor kept(Tensor tensor) {
    buffers.add(tensor.buffer());
    return tensor;
  }

  /** What a kernel is launched with. */
  public Arguments arguments() {
    return arguments;
  }

  /** Makes every output NaN, so that what a kernel leaves unwritten shows. */
  public void poison() {
    arguments.o().buffer().fill((byte) 0xFF);
    arguments.lse().ifPresent(lse -> lse.buffer().fill((byte) 0xFF));
  }

  /**
   * The first and the last rows of O of the last batch element, once all launches have finished.
   */
  public NdArray sample() {
    Shape s = bindings.shape();
    int rows = Math.min(SAMPLED_ROWS, s.seq());
    Tensor last = arguments.o().slice(0, s.batch() - 1, s.batch());
    float[] first = last.slice(1, 0, rows).download().floats();
    float[] end = last.slice(1, s.seq() - rows, s.seq()).download().floats();
    float[] both = new float[first.length + end.length];
    System.arraycopy(first, 0, both, 0, first.length);
    System.arraycopy(end, 0, both, first.length, end.length);
    return new NdArray(new int[] {both.length}, both);
  }

  /** The relative difference of two samples, ‖a − b‖ / ‖b‖; NaN where either has one. */
  public static double difference(NdArray a, NdArray b) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < b.floats().length; i++) {
      double d = (double) a.floats()[i] - b.floats()[i];
      error += d * d;
      norm += (double) b.floats()[i] * b.floats()[i];
    }
    return Math.sqrt(error / Math.max(norm, 1e-300));
  }

  /**
   * Useful operations of a launch: both products over the live pairs, which are counted on rows at
   * equal distances.
   */
  public double operations() {
    Shape s = bindings.shape();
    Eval eval = new Eval(bindings);
    long live = 0;
    long seen = 0;
    int rows = Math.min(SAMPLED_ROWS, s.seq());
    for (int i = 0; i < rows; i++) {
      int q = (int) ((2L * i + 1) * s.seq() / (2L * rows));
      for (int kv = 0; kv < s.kvSeq(); kv++) {
        live += eval.at(i % s.batch(), i % s.heads(), q, kv).bool(spec.mask().expr()) ? 1 : 0;
        seen++;
      }
    }
    double pairs = (double) s.batch() * s.heads() * s.seq() * s.kvSeq();
    return 2 * pairs * (s.headDim().qk() + s.headDim().v()) * live / Math.max(1, seen);
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
