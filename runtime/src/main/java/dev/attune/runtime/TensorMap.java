package dev.attune.runtime;

/**
 * What a kernel's tensor map says about Q, K, V or O: 16-bit elements, dimensions (D, S, H, B), a
 * box of ({@code boxCols}, {@code boxRows}, 1, 1) elements, 128-byte swizzle, no interleave, zeros
 * outside, L2 promotion of 256 bytes.
 *
 * @param type {@link ElementType#BF16} or {@link ElementType#F16}
 * @param address of the first element, a multiple of 16
 * @param dim D ≥ 1; neighbours along it lie side by side
 * @param seq S ≥ 1
 * @param heads H ≥ 1
 * @param batch B ≥ 1
 * @param seqStride bytes between neighbours along S; all strides are multiples of 16, greater than
 *     0 and less than {@link #STRIDE_LIMIT}
 * @param headStride bytes between neighbours along H
 * @param batchStride bytes between neighbours along B
 */
public record TensorMap(
    ElementType type,
    long address,
    int dim,
    int seq,
    int heads,
    int batch,
    long seqStride,
    long headStride,
    long batchStride,
    int boxRows,
    int boxCols) {

  /** Size of an encoded tensor map. */
  public static final int BYTES = 128;

  /** What a stride must be less than, in bytes (CUDA Driver API, cuTensorMapEncodeTiled). */
  public static final long STRIDE_LIMIT = 1L << 40;

  /** What addresses and strides must be multiples of, in bytes. */
  private static final int GRANULE = 16;

  /**
   * The map of a tensor [B, S, H, D] at address 0. An axis of extent 1 gets the stride it would
   * have without gaps.
   *
   * @param name the tensor's, for the reason
   * @throws LaunchException if no tensor map can say where its elements lie
   */
  static TensorMap of(String name, Tensor tensor, int boxRows, int boxCols) {
    int dim = tensor.extent(3);
    int seq = tensor.extent(1);
    int heads = tensor.extent(2);
    int batch = tensor.extent(0);
    if (tensor.isEmpty()) {
      throw new LaunchException(
          "%s is empty, and the tensor maps of this kernel need at least one element"
              .formatted(name));
    }
    long row = Math.ceilDiv((long) dim * tensor.type().bytes(), GRANULE) * GRANULE;
    return new TensorMap(
        tensor.type(),
        0,
        dim,
        seq,
        heads,
        batch,
        stride(name, tensor, 1, heads * row),
        stride(name, tensor, 2, row),
        stride(name, tensor, 0, (long) seq * heads * row),
        boxRows,
        boxCols);
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

  /** This map for a tensor that lies elsewhere. */
  TensorMap at(long newAddress) {
    return new TensorMap(
        type,
        newAddress,
        dim,
        seq,
        heads,
        batch,
        seqStride,
        headStride,
        batchStride,
        boxRows,
        boxCols);
  }
}
