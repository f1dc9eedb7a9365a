package dev.attune.runtime;

import dev.attune.ptx.artifact.Parameter.Form;
import java.util.List;

/**
 * What a kernel's tensor map says about Q, K, V or O: 16-bit elements, the swizzle that is as wide
 * as a box, no interleave, zeros outside, L2 promotion of 256 bytes.
 *
 * @param type {@link ElementType#BF16} or {@link ElementType#F16}
 * @param address of the first element, a multiple of 16
 * @param dims extents in elements, at least 1, as a {@link Form} has them; neighbours along D lie
 *     side by side
 * @param strides bytes between neighbours along the dimensions after D: multiples of 16, greater
 *     than 0 and less than {@link #STRIDE_LIMIT}
 * @param box extents of a box in elements
 */
public record TensorMap(
    ElementType type, long address, List<Integer> dims, List<Long> strides, List<Integer> box) {

  /** Size of an encoded tensor map. */
  public static final int BYTES = 128;

  /** What a stride must be less than, in bytes (CUDA Driver API, cuTensorMapEncodeTiled). */
  public static final long STRIDE_LIMIT = 1L << 40;

  /** What addresses and strides must be multiples of, in bytes. */
  private static final int GRANULE = 16;

  public TensorMap {
    dims = List.copyOf(dims);
    strides = List.copyOf(strides);
    box = List.copyOf(box);
  }

  /**
   * The map of a tensor [B, S, H, D] at address 0, with a box of ({@code boxCols}, {@code boxRows},
   * 1, 1). An axis of extent 1 gets the stride it would have without gaps.
   *
   * @param name the tensor's, for the reason
   * @throws LaunchException if no tensor map can say where its elements lie
   */
  static TensorMap of(String name, Tensor tensor, int boxRows, int boxCols) {
    if (tensor.isEmpty()) {
      throw new LaunchException(
          "%s is empty, and the tensor maps of this kernel need at least one element"
              .formatted(name));
    }
    int seq = tensor.extent(1);
    int heads = tensor.extent(2);
    long row = Math.ceilDiv((long) tensor.extent(3) * tensor.type().bytes(), GRANULE) * GRANULE;
    return new TensorMap(
        tensor.type(),
        0,
        List.of(tensor.extent(3), seq, heads, tensor.extent(0)),
        List.of(
            stride(name, tensor, 1, heads * row),
            stride(name, tensor, 2, row),
            stride(name, tensor, 0, (long) seq * heads * row)),
        List.of(boxCols, boxRows, 1, 1));
  }

  /**
   * The same, with the heads split into groups and a box of ({@code boxCols}, {@code group}, {@code
   * ⌊boxRows / group⌋}, 1, 1).
   *
   * @param group heads of a group, at most {@code boxRows}
   */
  static TensorMap grouped(String name, Tensor tensor, int group, int boxRows, int boxCols) {
    TensorMap map = of(name, tensor, boxRows, boxCols);
    long seq = map.strides.get(0);
    long head = map.strides.get(1);
    if (head > (STRIDE_LIMIT - GRANULE) / group) {
      throw new LaunchException(
          "%s has stride %d along its heads, too much for the tensor maps of this kernel"
              .formatted(name, tensor.stride(2)));
    }
    return new TensorMap(
        map.type,
        0,
        List.of(map.dims.get(0), group, map.dims.get(1), map.dims.get(2) / group, map.dims.get(3)),
        List.of(head, seq, group * head, map.strides.get(2)),
        List.of(boxCols, group, boxRows / group, 1, 1));
  }

  /**
   * The map in which boxes end with sequences ({@link Form#SEQUENCES}), of a tensor [B, S, H, D]; a
   * packed one is of one batch element.
   *
   * @param step of residue classes, at least 1: 1 where items are of whole sequences
   * @throws LaunchException if tokens lie too far apart
   */
  static TensorMap sequences(String name, Tensor tensor, int boxRows, int boxCols, long step) {
    TensorMap map = of(name, tensor, boxRows, boxCols);
    long token = token(tensor, map);
    if (step > (Form.WRAP_STRIDE - 1) / token) {
      throw new LaunchException(
          "%s has stride %d along its tokens%s, too much for the tensor maps of this kernel"
              .formatted(
                  name,
                  tensor.stride(1),
                  step == 1 ? "" : " and every %d-th is read".formatted(step)));
    }
    return new TensorMap(
        map.type,
        0,
        List.of(map.dims.get(0), Form.WRAP, map.dims.get(2), Form.UNBOUNDED, Form.UNBOUNDED),
        List.of(step * token, map.strides.get(1), token, Form.WRAP_STRIDE - step * token),
        List.of(boxCols, boxRows, 1, 1, 1));
  }

  /**
   * How many tokens apart batch elements are in such a map.
   *
   * @param step of residue classes, at least 1
   * @throws LaunchException if they are not a whole number apart, or one that a map cannot count
   */
  static int pitch(String name, Tensor tensor, long step) {
    if (tensor.extent(0) == 1) {
      return 0;
    }
    TensorMap map = of(name, tensor, 1, 1);
    long token = token(tensor, map);
    long batch = map.strides.get(2);
    long pitch = batch / token;
    if (batch % token != 0
        || pitch > (Form.UNBOUNDED - tensor.extent(1) - step) / tensor.extent(0)) {
      throw new LaunchException(
          "%s has strides %d along its batch and %d along its tokens, and the tensor maps of this"
                  .formatted(name, tensor.stride(0), tensor.stride(1))
              + " kernel need a multiple, and fewer than 2^31 tokens from the first to the last");
    }
    return (int) pitch;
  }

  /** Bytes from token to token: those from sequence to sequence where each has one. */
  private static long token(Tensor tensor, TensorMap map) {
    boolean single = tensor.extent(1) == 1 && tensor.extent(0) > 1;
    return single ? map.strides.get(2) : map.strides.get(0);
  }

  private static long stride(String name, Tensor tensor, int axis, long packed) {
    if (tensor.extent(axis) == 1) {
      return Math.min(packed, STRIDE_LIMIT - GRANULE);
    }
    long elements = tensor.stride(axis);
    long limit = STRIDE_LIMIT / tensor.type().bytes();
    if (elements <= 0 || elements >= limit) {
      throw new LaunchException(
          "%s has stride %d along axis %d, and the tensor maps of this kernel need one from 1 to %d"
              .formatted(name, elements, axis, limit - 1));
    }
    return elements * tensor.type().bytes();
  }

  /** Bytes of a row of a box, and of the pattern by which it is swizzled: 128 or 64. */
  public int span() {
    return box.getFirst() * type.bytes();
  }

  /** Bytes of a box. */
  int boxBytes() {
    return box.stream().reduce(type.bytes(), Math::multiplyExact);
  }

  /** This map for a tensor that lies elsewhere. */
  TensorMap at(long newAddress) {
    return new TensorMap(type, newAddress, dims, strides, box);
  }
}
