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
  private final Bindings bindings;
  private final Shape shape;
  private final NdArray q;
  private final NdArray k;
  private final NdArray v;
  private final Map<Operand, double[]> outputs = new TreeMap<>();
  private final Map<Operand, AtomicIntegerArray> writes = new TreeMap<>();

  /** Outputs of NaN. */
  Memory(TileKernel kernel, Bindings bindings, NdArray q, NdArray k, NdArray v) {
    this.kernel = kernel;
    this.bindings = bindings;
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

  /** An output that the kernel's spec asks for. */
  double[] output(Operand operand) {
    double[] data = outputs.get(operand);
    if (data == null) {
      throw new IllegalStateException("nobody asks for " + operand);
    }
    return data;
  }

  /** A tile of an input for the item of a place; rows past the end, and idle ones, are zeros. */
  double[] load(Operand operand, Type.Tile type, Place place, long index) {
    return switch (operand) {
      case Q -> query(type, place);
      case K -> load(k, type, place, index);
      case V -> load(v, type, place, index);
      case O, LSE, MAX_SCORE -> throw new IllegalArgumentException(operand + " is an output");
    };
  }

  private double[] query(Type.Tile type, Place place) {
    double[] out = new double[type.rows() * type.cols()];
    for (int r = 0; r < place.rowsInside(); r++) {
      copy(q, row(place, r), out, r, type.cols());
    }
    return out;
  }

  private double[] load(NdArray from, Type.Tile type, Place place, long index) {
    if (index < 0) {
      throw new InvalidTileKernelException(
          "kernel " + kernel.spec().name(), "tile " + index + " is loaded");
    }
    double[] out = new double[type.rows() * type.cols()];
    for (int r = 0; r < type.rows(); r++) {
      long position = index * type.rows() + r;
      if (position >= place.keys()) {
        break; // Rows past the end stay zeros.
      }
      long token = place.item().batch() * (long) shape.kvSeq() + place.inSequence(position);
      long row = token * shape.kvHeads();
      copy(from, (int) row + place.kvHead(), out, r, type.cols());
    }
    return out;
  }

  private static void copy(NdArray from, int row, double[] to, int r, int cols) {
    for (int c = 0; c < cols; c++) {
      to[r * cols + c] = from.floats()[row * cols + c];
    }
  }

  /** Where one of a place's rows is in Q and O. */
  private int row(Place place, int r) {
    return (place.item().batch() * shape.seq() + place.inSequence(place.position(r)))
            * shape.heads()
        + place.head(r);
  }

  /** Writes the rows of a place to O. */
  void store(Place place, Data.Matrix from) {
    for (int r = 0; r < place.rowsInside(); r++) {
      int row = row(place, r);
      System.arraycopy(
          from.elements(), r * from.cols(), output(Operand.O), row * from.cols(), from.cols());
      count(Operand.O, row);
    }
  }

  /** Writes one float for each row of a place. */
  void storeRow(Operand operand, Place place, double[] from) {
    for (int r = 0; r < place.rowsInside(); r++) {
      int head = place.item().batch() * shape.heads() + place.head(r);
      int to = head * shape.seq() + place.inSequence(place.position(r));
      output(operand)[to] = from[r];
      count(operand, to);
    }
  }

  private void count(Operand operand, int row) {
    AtomicIntegerArray counts = writes.get(operand);
    if (counts != null) {
      counts.incrementAndGet(row);
    }
  }

  /** Every row of every output has been written once, and what is of no sequence not at all. */
  void requireWritten() {
    writes.forEach(
        (operand, counts) -> {
          for (int row = 0; row < counts.length(); row++) {
            if (counts.get(row) != (exists(operand, row) ? 1 : 0)) {
              throw new InvalidTileKernelException(
                  "kernel " + kernel.spec().name(),
                  "row %d of %s is written %d times".formatted(row, operand, counts.get(row)));
            }
          }
        });
  }

  /** Whether a row of an output is of a sequence. */
  private boolean exists(Operand operand, int row) {
    int inBatch = row % (shape.seq() * shape.heads());
    int position = operand == Operand.O ? inBatch / shape.heads() : inBatch % shape.seq();
    return position < bindings.queries(row / (shape.seq() * shape.heads()));
  }
}
