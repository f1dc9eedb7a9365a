package dev.attune.ptx.emulate;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Stream;

/**
 * A tensor map as the emulator knows it: what {@code cuTensorMapEncodeTiled} is given on a device,
 * under the same rules, for tiles without interleaving, with element strides of one and zeros
 * outside.
 *
 * <p>{@link #encode} packs it into the 128 bytes of a kernel parameter. The layout is the
 * emulator's own, little-endian: a magic word (4 bytes), element size (1), rank (1), span of the
 * swizzle (2); address (8); for each dimension an extent (8); for each but the first a stride (8);
 * for each a box extent (4); zeros.
 *
 * @param address of the first element, a multiple of 16
 * @param elementBytes 2 or 4
 * @param dims extents in elements, four or five, the contiguous dimension first
 * @param strides distances in bytes between neighbours along the others, multiples of 16
 * @param box extents of a box in elements, 1 to 256
 * @param swizzle how a box is arranged in shared memory
 */
public record TensorMap(
    long address,
    int elementBytes,
    List<Long> dims,
    List<Long> strides,
    List<Integer> box,
    Swizzle swizzle) {

  /** Bytes of an encoded map. */
  public static final int BYTES = 128;

  private static final int MAGIC = 0x4D54_7441;

  /** How the 16-byte chunks of a box are permuted, by the span that the permutation covers. */
  public enum Swizzle {
    NONE(0),
    BYTES_32(32),
    BYTES_64(64),
    BYTES_128(128);

    private final int span;

    Swizzle(int span) {
      this.span = span;
    }

    /**
     * The pattern whose rows have so many bytes; 0 for none.
     *
     * @throws IllegalArgumentException if there is none of them
     */
    public static Swizzle ofSpan(int span) {
      return Stream.of(values())
          .filter(s -> s.span == span)
          .findFirst()
          .orElseThrow(
              () -> new IllegalArgumentException("A tensor map has no swizzle of " + span + "."));
    }

    /** Bytes of a row of the pattern; zero without one. */
    public int span() {
      return span;
    }

    /** Where a byte goes whose place in the box would be {@code address}. */
    int place(int address) {
      return address ^ (span == 0 ? 0 : (address >>> 7 & ((span >> 4) - 1)) << 4);
    }
  }

  public TensorMap {
    dims = List.copyOf(dims);
    strides = List.copyOf(strides);
    box = List.copyOf(box);
    require(dims.size() == 4 || dims.size() == 5, "rank 4 or 5");
    require(
        strides.size() == dims.size() - 1 && box.size() == dims.size(),
        "a stride for every dimension but the first and a box extent for each");
    require(elementBytes == 2 || elementBytes == 4, "elements of 2 or 4 bytes");
    require(address > 0 && address % 16 == 0, "an address that is a multiple of 16");
    require(dims.stream().allMatch(d -> d >= 1 && d <= 1L << 32), "extents of 1 to 2^32");
    require(
        strides.stream().allMatch(s -> s > 0 && s < 1L << 40 && s % 16 == 0),
        "strides that are multiples of 16 below 2^40");
    require(box.stream().allMatch(b -> b >= 1 && b <= 256), "boxes of 1 to 256");
    int row = box.getFirst() * elementBytes;
    require(row % 16 == 0, "box rows of a multiple of 16 bytes");
    require(
        swizzle == Swizzle.NONE || row == swizzle.span(), "box rows as long as the swizzle's span");
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("A tensor map needs " + what + ".");
    }
  }

  /** Dimensions of the tensor. */
  int rank() {
    return dims.size();
  }

  /** Bytes of a box in shared memory, including what lies outside the tensor. */
  public int boxBytes() {
    return box.stream().reduce(elementBytes, Math::multiplyExact);
  }

  /** The 128 bytes of a kernel parameter. */
  public byte[] encode() {
    ByteBuffer block = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    block.putInt(MAGIC).put((byte) elementBytes).put((byte) rank());
    block.putShort((short) swizzle.span());
    block.putLong(address);
    dims.forEach(block::putLong);
    strides.forEach(block::putLong);
    box.forEach(block::putInt);
    return block.array();
  }

  /**
   * Unpacks {@link #encode}.
   *
   * @throws IllegalArgumentException if the bytes hold no tensor map
   */
  static TensorMap decode(byte[] block, int offset) {
    ByteBuffer bytes = ByteBuffer.wrap(block, offset, BYTES).order(ByteOrder.LITTLE_ENDIAN);
    require(bytes.getInt() == MAGIC, "its encoding, which other bytes were found for");
    int elementBytes = bytes.get();
    int rank = bytes.get();
    Swizzle swizzle = Swizzle.ofSpan(bytes.getShort());
    long address = bytes.getLong();
    List<Long> dims = Stream.generate(bytes::getLong).limit(rank).toList();
    List<Long> strides = Stream.generate(bytes::getLong).limit(rank - 1).toList();
    List<Integer> box = Stream.generate(bytes::getInt).limit(rank).toList();
    return new TensorMap(address, elementBytes, dims, strides, box, swizzle);
  }
}
