package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Tensor maps keep the device's rules and survive their encoding. */
final class TensorMapTest {
  private static final List<Long> DIMS = List.of(72L, 1L << 32, 3L, 2L);
  private static final List<Long> STRIDES = List.of(144L, 1L << 20, (1L << 40) - 16);
  private static final List<Integer> BOX = List.of(64, 256, 1, 1);

  @Test
  void surviveTheirEncoding() {
    TensorMap map =
        new TensorMap(0x7F00_0000_0010L, 2, DIMS, STRIDES, BOX, TensorMap.Swizzle.BYTES_128);
    byte[] block = new byte[3 * TensorMap.BYTES];
    System.arraycopy(map.encode(), 0, block, 64, TensorMap.BYTES);
    assertEquals(map, TensorMap.decode(block, 64));
    assertEquals(64 * 256 * 2, map.boxBytes());
    assertThrows(IllegalArgumentException.class, () -> TensorMap.decode(block, 0));
  }

  /** Addresses are those of 64 bits: what strides add beyond 2⁶⁴ does not count. */
  @Test
  void addressesWrap() {
    int wrap = 1 << 30;
    long token = 256;
    EmulatedMemory memory = new EmulatedMemory();
    long address = memory.allocate(8 * token);
    TensorMap map =
        new TensorMap(
            address,
            2,
            List.of(64L, (long) wrap, 1L, 0x7FFF_0000L, 0x7FFF_0000L),
            List.of(token, 128L, token, (1L << 34) - token),
            List.of(64, 4, 1, 1, 1),
            TensorMap.Swizzle.BYTES_128);
    // Tokens 1 to 4 of the 3 that begin at token 2: the last two of these, and nothing after them.
    memory.write(address + 3 * token, new byte[512]);
    int[] corner = {0, wrap - 3 + 1, 0, 2 + 3, wrap};
    TensorBox box = new TensorBox(map, corner, 0, 0);
    GlobalMemory global = new GlobalMemory(memory, List.of());
    assertEquals(2 * 128 / 32, box.checkLoad(global, 0, 0));
    int[] earlier = {0, wrap - 3, 0, 2 + 3, wrap};
    TensorBox uninitialised = new TensorBox(map, earlier, 0, 0);
    assertThrows(Fault.class, () -> uninitialised.checkLoad(global, 0, 0));
  }

  private static void refused(String why, Supplier<TensorMap> map) {
    String message =
        String.valueOf(assertThrows(IllegalArgumentException.class, map::get).getMessage());
    assertTrue(message.contains(why), message);
  }

  @Test
  void keepTheRules() {
    TensorMap.Swizzle swizzle = TensorMap.Swizzle.BYTES_128;
    refused("rank 4 or 5", () -> new TensorMap(16, 2, List.of(1L), STRIDES, BOX, swizzle));
    refused("elements", () -> new TensorMap(16, 8, DIMS, STRIDES, BOX, swizzle));
    refused("address", () -> new TensorMap(24, 2, DIMS, STRIDES, BOX, swizzle));
    refused("extents", () -> new TensorMap(16, 2, List.of(8L, 0L, 1L, 1L), STRIDES, BOX, swizzle));
    refused("strides", () -> new TensorMap(16, 2, DIMS, List.of(24L, 16L, 16L), BOX, swizzle));
    refused("strides", () -> new TensorMap(16, 2, DIMS, List.of(1L << 40, 16L, 16L), BOX, swizzle));
    refused("boxes", () -> new TensorMap(16, 2, DIMS, STRIDES, List.of(64, 257, 1, 1), swizzle));
    refused("span", () -> new TensorMap(16, 2, DIMS, STRIDES, List.of(32, 8, 1, 1), swizzle));
    refused(
        "16 bytes",
        () -> new TensorMap(16, 2, DIMS, STRIDES, List.of(4, 8, 1, 1), TensorMap.Swizzle.NONE));
  }
}
