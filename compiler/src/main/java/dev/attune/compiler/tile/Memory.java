package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.Shape;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The tensors of a run. Every row of an output is to be written once. */
final class Memory {
  private final TileKernel kernel;
  private final Shape shape;
  private final NdArray q;
  private final NdArray k;
  private final NdArray v;
  private final Map<Operand, double[]> outputs = new TreeMap<>();
  private final Map<Operand, AtomicIntegerArray> writes = new TreeMap<>();

  /** Outputs of NaN. */
  Memory(TileKernel kernel, Bindings bindings, NdArray q, NdArray k, NdArray v) {
    this.kernel = kernel;
    this.shape = bindings.shape();
    this.q = q;
    this.k = k;
    this.v = v;
    int rows = Math.multiplyExact(shape.batch() * shape.heads(), shape.seq());
    output(Operand.O, rows, shape.headDim().v());
    if (kernel.spec().normalization() instanceof Normalization.Softmax) {
      output(Operand.LSE, rows, 1);
    }
    if (kernel.spec().outputs().contains(Output.MAX_SCORE)) {
      output(Operand.MAX_SCORE, rows, 1);
    }
  }

  private void output(Operand operand, int rows, int width) {
    double[] data = new double[rows * width];
    Arrays.fill(data, Double.NaN);
    outputs.put(operand, data);
    writes.put(operand, new AtomicIntegerArray(rows));
  }

  Shape shape() {
    return shape;
  }

  /** An output that the kernel's spec asks for. */
  double[] output(Operand operand) {
    double[] data = outputs.get(operand);
    if (data == null) {
      throw new IllegalStateException("nobody asks for " + operand);
    }
    return data;
  }

  /** A tile of an input; rows past the end are zeros. */
  double[] load(Operand operand, Type.Tile type, WorkOrder.Item item, long index) {
    int kvHead = item.head() / shape.group();
    return switch (operand) {
      case Q -> load(q, type, item, index, shape.seq(), shape.heads(), item.head());
      case K -> load(k, type, item, index, shape.kvSeq(), shape.kvHeads(), kvHead);
      case V -> load(v, type, item, index, shape.kvSeq(), shape.kvHeads(), kvHead);
      case O, LSE, MAX_SCORE -> throw new IllegalArgumentException(operand + " is an output");
    };
  }

  private double[] load(
      NdArray from, Type.Tile type, WorkOrder.Item item, long index, int seq, int heads, int head) {
    if (index < 0) {
      throw new InvalidTileKernelException(
          "kernel " + kernel.spec().name(), "tile " + index + " is loaded");
    }
    double[] out = new double[type.rows() * type.cols()];
    for (int r = 0; r < type.rows(); r++) {
      long position = index * type.rows() + r;
      if (position >= seq) {
        break; // Rows past the end stay zeros.
      }
      int at = (int) ((item.batch() * (long) seq + position) * heads + head) * type.cols();
      for (int c = 0; c < type.cols(); c++) {
        out[r * type.cols() + c] = from.floats()[at + c];
      }
    }
    return out;
  }

  /** Writes the rows of O from a query position on. */
  void store(WorkOrder.Item item, int position, int rows, Data.Matrix from) {
    for (int r = 0; r < rows; r++) {
      int row = (item.batch() * shape.seq() + position + r) * shape.heads() + item.head();
      System.arraycopy(
          from.elements(), r * from.cols(), output(Operand.O), row * from.cols(), from.cols());
      count(Operand.O, row);
    }
  }

  /** Writes one float for each query position from {@code position} on. */
  void storeRow(Operand operand, WorkOrder.Item item, int position, int rows, double[] from) {
    int to = (item.batch() * shape.heads() + item.head()) * shape.seq() + position;
    if (rows > 0) {
      System.arraycopy(from, 0, output(operand), to, rows);
    }
    for (int r = 0; r < rows; r++) {
      count(operand, to + r);
    }
  }

  private void count(Operand operand, int row) {
    AtomicIntegerArray counts = writes.get(operand);
    if (counts != null) {
      counts.incrementAndGet(row);
    }
  }

  /** Every row of every output has been written once. */
  void requireWritten() {
    writes.forEach(
        (operand, counts) -> {
          for (int row = 0; row < counts.length(); row++) {
            if (counts.get(row) != 1) {
              throw new InvalidTileKernelException(
                  "kernel " + kernel.spec().name(),
                  "row %d of %s is written %d times".formatted(row, operand, counts.get(row)));
            }
          }
        });
  }
}
