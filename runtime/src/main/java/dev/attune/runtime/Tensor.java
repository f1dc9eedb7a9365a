package dev.attune.runtime;

import dev.attune.compiler.spec.NdArray;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A strided view of a buffer. Immutable, and cheap: any number of tensors may lie over one buffer.
 *
 * <p>A tensor is not checked against its buffer when it is made but where it is used: by {@link
 * #upload}, {@link #download} and {@link Kernel#launch}. A stride along an axis of extent 1 is
 * never used and may be anything.
 */
public final class Tensor {
  private static final int CHUNK_BYTES = 8 << 20;

  private final Buffer buffer;
  private final ElementType type;
  private final long offset;
  private final int[] shape;
  private final long[] strides;

  private Tensor(Buffer buffer, ElementType type, long offset, int[] shape, long[] strides) {
    if (shape.length != strides.length) {
      throw new IllegalArgumentException(
          "%d extents but %d strides".formatted(shape.length, strides.length));
    }
    requireExtents(shape);
    this.buffer = buffer;
    this.type = type;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }

  /**
   * A view with arbitrary strides.
   *
   * @param offset of the first element, in bytes from the start of the buffer
   * @param strides distances between neighbours along each axis, in elements
   */
  public static Tensor strided(
      Buffer buffer, ElementType type, long offset, int[] shape, long[] strides) {
    return new Tensor(buffer, type, offset, shape.clone(), strides.clone());
  }

  /** A row-major view without gaps. */
  public static Tensor contiguous(Buffer buffer, ElementType type, long offset, int... shape) {
    requireExtents(shape);
    long[] strides = new long[shape.length];
    long stride = 1;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride = Math.multiplyExact(stride, (long) Math.max(1, shape[axis]));
    }
    return new Tensor(buffer, type, offset, shape.clone(), strides);
  }

  /** Refuses negative extents. */
  static void requireExtents(int... shape) {
    if (Arrays.stream(shape).anyMatch(n -> n < 0)) {
      throw new IllegalArgumentException(
          "extents must not be negative, found " + Arrays.toString(shape));
    }
  }

  /** The memory under this view. */
  public Buffer buffer() {
    return buffer;
  }

  public ElementType type() {
    return type;
  }

  /** Bytes from the start of the buffer to the first element. */
  public long offset() {
    return offset;
  }

  /** Device address of the first element. */
  public long address() {
    return Math.addExact(buffer.address(), offset);
  }

  public int rank() {
    return shape.length;
  }

  public int extent(int axis) {
    return shape[axis];
  }

  /** A copy of the extents. */
  public int[] shape() {
    return shape.clone();
  }

  /** Distance between neighbours along an axis, in elements. */
  public long stride(int axis) {
    return strides[axis];
  }

  /** Whether there is no element. */
  public boolean isEmpty() {
    return Arrays.stream(shape).anyMatch(n -> n == 0);
  }

  /** Whether the elements lie in row-major order without gaps. */
  public boolean isContiguous() {
    long expected = 1;
    for (int axis = rank() - 1; axis >= 0; axis--) {
      if (shape[axis] > 1 && strides[axis] != expected) {
        return isEmpty();
      }
      expected *= Math.max(1, shape[axis]);
    }
    return true;
  }

  /** The elements from {@code from} (inclusive) to {@code to} (exclusive) along an axis. */
  public Tensor slice(int axis, int from, int to) {
    if (from < 0 || to < from || to > shape[axis]) {
      throw new IndexOutOfBoundsException(
          "slice [%d, %d) of an axis of extent %d".formatted(from, to, shape[axis]));
    }
    int[] sliced = shape.clone();
    sliced[axis] = to - from;
    long skipped = Math.multiplyExact(Math.multiplyExact(from, strides[axis]), type.bytes());
    return new Tensor(buffer, type, Math.addExact(offset, skipped), sliced, strides);
  }

  /** The same elements with the axes in another order: axis i of the result is {@code axes[i]}. */
  public Tensor permute(int... axes) {
    if (!Arrays.equals(
        Arrays.stream(axes).sorted().toArray(), IntStream.range(0, rank()).toArray())) {
      throw new IllegalArgumentException(
          "%s is no permutation of %d axes".formatted(Arrays.toString(axes), rank()));
    }
    return new Tensor(
        buffer,
        type,
        offset,
        Arrays.stream(axes).map(a -> shape[a]).toArray(),
        Arrays.stream(axes).mapToLong(a -> strides[a]).toArray());
  }

  /**
   * Copies a host array of this shape here, rounding floats to nearest even.
   *
   * @return this
   * @throws IllegalArgumentException if shape or type differ, or this is not inside its buffer
   */
  public Tensor upload(NdArray values) {
    if (!Arrays.equals(values.shape(), shape)) {
      throw new IllegalArgumentException(
          "cannot copy an array of shape %s to a tensor of shape %s"
              .formatted(Arrays.toString(values.shape()), Arrays.toString(shape)));
    }
    if (values.type() != type.scalar()) {
      throw new IllegalArgumentException(
          "cannot copy %s values to a tensor of %s".formatted(values.type().keyword(), type));
    }
    forEachRun(
        (at, first, count, raw, bytes) -> {
          type.encode(values, first, count, bytes);
          buffer.write(at, raw, 0, count * type.bytes());
        });
    return this;
  }

  /**
   * Copies this to the host.
   *
   * @throws IllegalArgumentException if this is not inside its buffer
   */
  public NdArray download() {
    int count = Math.toIntExact(NdArray.count(shape));
    NdArray result =
        new NdArray(
            shape.clone(),
            switch (type.scalar()) {
              case FLOAT -> new float[count];
              case INT -> new int[count];
              case BOOL -> new byte[count];
            });
    forEachRun(
        (at, first, n, raw, bytes) -> {
          buffer.read(at, raw, 0, n * type.bytes());
          type.decode(bytes, result, first, n);
        });
    return result;
  }

  /**
   * Receives a contiguous piece: byte offset in the buffer, first linear index, element count,
   * room.
   */
  private interface Run {
    void accept(long at, int first, int count, byte[] raw, ByteBuffer bytes);
  }

  private void forEachRun(Run run) {
    Footprint.of(this).requireInside(this, "the tensor");
    if (isEmpty()) {
      return;
    }
    int outer = rank();
    long length = 1;
    while (outer > 0 && (shape[outer - 1] == 1 || strides[outer - 1] == length)) {
      length *= shape[--outer];
    }
    int chunk = (int) Math.min(length, CHUNK_BYTES / type.bytes());
    byte[] raw = new byte[chunk * type.bytes()];
    ByteBuffer bytes = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
    int[] index = new int[outer];
    int first = 0;
    do {
      long at = offset;
      for (int axis = 0; axis < outer; axis++) {
        at += index[axis] == 0 ? 0 : index[axis] * strides[axis] * type.bytes();
      }
      for (long done = 0; done < length; done += chunk) {
        int count = (int) Math.min(chunk, length - done);
        run.accept(at + done * type.bytes(), first, count, raw, bytes.clear());
        first += count;
      }
    } while (advance(index));
  }

  private boolean advance(int[] index) {
    for (int axis = index.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) {
        return true;
      }
      index[axis] = 0;
    }
    return false;
  }

  @Override
  public String toString() {
    return type + Arrays.toString(shape) + " strides " + Arrays.toString(strides);
  }
}
