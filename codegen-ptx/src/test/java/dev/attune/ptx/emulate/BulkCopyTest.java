package dev.attune.ptx.emulate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Bulk tensor copies move the right elements to the right places. */
final class BulkCopyTest {
  private static final int BARRIER = 16384;

  /** Loads a box at coordinates to shared byte 0 and copies that to the output as it lies. */
  private static String load(int bytes, String coordinates) {
    return """
    setp.ne.u32 %p0, %r0, 0;
    @%p0 bra READY;
    mbarrier.init.shared::cta.b64 [%r1+BARRIER], 1;
    fence.mbarrier_init.release.cluster;
    mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1+BARRIER], BYTES;
    add.u32 %r3, %r1, BARRIER;
    COORDINATES
    cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd0, {%r10, %r11, %r12, %r13}], [%r3];
    READY:
    bar.sync 0;
    WAIT:
    mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1+BARRIER], 0;
    @!%p1 bra WAIT;
    mov.u32 %r4, %r0;
    NEXT:
    shl.b32 %r5, %r4, 2;
    add.u32 %r6, %r5, %r1;
    ld.shared.u32 %r7, [%r6];
    cvt.u64.u32 %rd4, %r5;
    add.u64 %rd4, %rd4, %rd3;
    st.global.u32 [%rd4], %r7;
    add.u32 %r4, %r4, 32;
    setp.lt.u32 %p2, %r4, WORDS;
    @%p2 bra NEXT;
    """
        .replace("BARRIER", "" + BARRIER)
        .replace("BYTES", "" + bytes)
        .replace("WORDS", "" + (bytes / 4))
        .replace("COORDINATES", coordinates);
  }

  private static String at(int... coordinates) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      text.append("mov.u32 %r1").append(i).append(", ").append(coordinates[i]).append("; ");
    }
    return text.toString();
  }

  private static int[] loaded(
      HopperKernels.Tensor tensor,
      EmulatedMemory memory,
      TensorMap map,
      AsyncPolicy async,
      int... corner) {
    long out = memory.allocate(map.boxBytes());
    HopperKernels.launch(
        load(map.boxBytes(), at(corner)),
        1,
        32,
        memory,
        HopperKernels.parameters(map, map, 0, out),
        List.of(OutputRegion.contiguous("out", out, map.boxBytes())),
        HopperKernels.options(1, async, WarpOrder.ROUND_ROBIN));
    assertEquals(tensor.address(), map.address());
    return HopperKernels.halves(memory, out, map.boxBytes() / 2);
  }

  /** The element of a counted tensor, zero outside. */
  private static int element(HopperKernels.Tensor tensor, int... at) {
    long index = 0;
    for (int d = 3; d >= 0; d--) {
      long extent = tensor.dims().get(d);
      if (at[d] < 0 || at[d] >= extent) {
        return 0;
      }
      index = (index * extent) + at[d];
    }
    return (int) (index + 1) & 0xFFFF;
  }

  /** What a box at a corner should look like in shared memory. */
  private static int[] expected(HopperKernels.Tensor tensor, TensorMap map, int... corner) {
    List<Integer> box = map.box();
    int chunks = Math.max(1, map.swizzle().span() / 16);
    int[] expected = new int[map.boxBytes() / 2];
    int row = 0;
    for (int z = 0; z < box.get(3); z++) {
      for (int y = 0; y < box.get(2); y++) {
        for (int x = 0; x < box.get(1); x++, row++) {
          for (int c = 0; c < box.get(0); c++) {
            int linear = (row * box.get(0)) + c;
            // The chunk of 16 bytes within the span is mixed with the number of the 128-byte line.
            int line = 2 * linear / 128;
            int chunk = linear / 8 % chunks ^ line % chunks;
            int place = (linear / (8 * chunks) * 8 * chunks) + (8 * chunk) + (linear % 8);
            expected[place] =
                element(tensor, corner[0] + c, corner[1] + x, corner[2] + y, corner[3] + z);
          }
        }
      }
    }
    return expected;
  }

  private static List<Integer> box(TensorMap.Swizzle swizzle) {
    int columns = swizzle == TensorMap.Swizzle.NONE ? 24 : swizzle.span() / 2;
    return List.of(columns, 20, 2, 1);
  }

  @ParameterizedTest
  @EnumSource(TensorMap.Swizzle.class)
  void loadsABoxWithZerosOutside(TensorMap.Swizzle swizzle) {
    int[][] corners = {
      {0, 0, 0, 0},
      {8, 3, 0, 1},
      {-5, -3, -1, 0},
      {35, 25, 2, 1},
      {1, 1, 1, 1},
      {80, 0, 0, 0},
      {0, 0, 0, 2},
      {0, -20, 0, 0}
    };
    for (int[] corner : corners) {
      for (AsyncPolicy async : AsyncPolicy.values()) {
        EmulatedMemory memory = new EmulatedMemory();
        HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 72, 30, 3, 2);
        HopperKernels.count(memory, tensor);
        TensorMap map = tensor.map(box(swizzle), swizzle);
        assertArrayEquals(
            expected(tensor, map, corner),
            loaded(tensor, memory, map, async, corner),
            () -> swizzle + " " + List.of(corner[0], corner[1], corner[2], corner[3]));
      }
    }
  }

  /** Every thread writes a number for each element of a box, which is then stored. */
  private static final String STORE =
      """
      mov.u32 %r4, %r0;
      NEXT:
      shl.b32 %r5, %r4, 1;
      add.u32 %r6, %r5, %r1;
      st.shared.u16 [%r6], %r4;
      add.u32 %r4, %r4, 32;
      setp.lt.u32 %p2, %r4, HALVES;
      @%p2 bra NEXT;
      fence.proxy.async.shared::cta;
      bar.warp.sync 0xffffffff;
      setp.ne.u32 %p0, %r0, 0;
      @%p0 bra DONE;
      COORDINATES
      cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%rd1, {%r10, %r11, %r12, %r13}], [%r1];
      cp.async.bulk.commit_group;
      cp.async.bulk.wait_group.read 0;
      DONE:
      """;

  @ParameterizedTest
  @EnumSource(TensorMap.Swizzle.class)
  void storesWhatLiesInside(TensorMap.Swizzle swizzle) {
    int[][] corners = {{0, 0, 0, 0}, {8, 3, 0, 1}, {-5, -3, -1, 0}, {35, 25, 2, 1}};
    for (int[] corner : corners) {
      for (AsyncPolicy async : AsyncPolicy.values()) {
        EmulatedMemory memory = new EmulatedMemory();
        HopperKernels.Tensor counted = HopperKernels.tensor(memory, 72, 30, 3, 2);
        HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 72, 30, 3, 2);
        memory.fill(tensor.address(), 2 * tensor.elements(), (byte) 0xEE);
        TensorMap map = tensor.map(box(swizzle), swizzle);
        int halves = map.boxBytes() / 2;
        HopperKernels.launch(
            STORE.replace("HALVES", "" + halves).replace("COORDINATES", at(corner)),
            1,
            32,
            memory,
            HopperKernels.parameters(map, map, 0, 0),
            List.of(),
            HopperKernels.options(1, async, WarpOrder.ROUND_ROBIN));
        int[] stored = HopperKernels.halves(memory, tensor.address(), (int) tensor.elements());
        // Loading counted elements tells which element each place in shared memory stands for.
        int[] places = expected(counted, map, corner);
        int[] wanted = new int[stored.length];
        java.util.Arrays.fill(wanted, 0xEEEE);
        for (int i = 0; i < places.length; i++) {
          if (places[i] > 0) {
            wanted[places[i] - 1] = i;
          }
        }
        assertArrayEquals(wanted, stored);
      }
    }
  }

  private static String failure(String body, TensorMap map, EmulatedMemory memory) {
    long out = memory.allocate(map.boxBytes());
    return assertThrows(
            EmulationException.class,
            () ->
                HopperKernels.launch(
                    body,
                    1,
                    32,
                    memory,
                    HopperKernels.parameters(map, map, 0, out),
                    List.of(),
                    HopperKernels.options(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN)))
        .getMessage();
  }

  private static void assertContains(String message, String part) {
    assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
  }

  @Test
  void readsOnlyWhatIsAllocatedAndWritten() {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 64, 8, 1, 1);
    HopperKernels.Tensor longer =
        new HopperKernels.Tensor(tensor.address(), List.of(64L, 9L, 1L, 1L));
    List<Integer> box = List.of(64, 8, 1, 1);
    String body = load(1024, at(0, 1, 0, 0));
    TensorMap map = tensor.map(box, TensorMap.Swizzle.BYTES_128);
    assertContains(failure(body, map, memory), "uninitialised: global load");
    HopperKernels.count(memory, tensor);
    assertContains(
        failure(body, longer.map(box, TensorMap.Swizzle.BYTES_128), memory), "out of bounds");
    assertContains(
        failure(STORE.replace("HALVES", "512").replace("COORDINATES", at(0, 0, 0, 0)), map, memory),
        "read-only: global store");
  }

  @Test
  void copiesAreWaitedForBeforeTheEnd() {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 64, 8, 1, 1);
    HopperKernels.count(memory, tensor);
    TensorMap map = tensor.map(List.of(64, 8, 1, 1), TensorMap.Swizzle.BYTES_128);
    String body = load(1024, at(0, 0, 0, 0));
    String early = body.substring(0, body.indexOf("bar.sync 0;")) + "ret;";
    assertContains(
        failure(early, map, memory), "pending: the CTA has ended while this copy is under way");
    assertContains(
        failure(
            STORE
                .replace("HALVES", "512")
                .replace("COORDINATES", at(0, 0, 0, 0))
                .replace("cp.async.bulk.commit_group;", ""),
            HopperKernels.tensor(memory, 64, 8, 1, 1).map(map.box(), map.swizzle()),
            memory),
        "the thread exits with a bulk store that was not committed");
  }

  @Test
  void aMapComesFromAParameter() {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 64, 8, 1, 1);
    HopperKernels.count(memory, tensor);
    TensorMap map = tensor.map(List.of(64, 8, 1, 1), TensorMap.Swizzle.BYTES_128);
    String body = load(1024, at(0, 0, 0, 0));
    assertContains(
        failure("mov.b64 %rd0, from;" + body, map, memory),
        "tensor map: 0x0 is not the generic address of a parameter");
    assertContains(
        failure("add.u64 %rd0, %rd0, 32;" + body, map, memory), "is not the generic address");
    assertContains(
        failure("add.u64 %rd0, %rd0, 64;" + body, map, memory),
        "tensor map: A tensor map needs its encoding");
    assertContains(
        failure("prefetch.tensormap [%rd2];", map, memory), "is not the generic address");
  }

  @Test
  void genericWritesAreFencedBeforeACopyOverwritesThem() {
    EmulatedMemory memory = new EmulatedMemory();
    HopperKernels.Tensor tensor = HopperKernels.tensor(memory, 64, 8, 1, 1);
    HopperKernels.count(memory, tensor);
    TensorMap map = tensor.map(List.of(64, 8, 1, 1), TensorMap.Swizzle.BYTES_128);
    String body = load(1024, at(0, 0, 0, 0));
    String write = "@%p1 st.shared.u32 [%r1+512], %r0;";
    String head = "setp.eq.u32 %p1, %r0, 0; " + write;
    assertContains(failure(head + body, map, memory), "unfenced: shared byte 512 was written by");
    long out = memory.allocate(1024);
    HopperKernels.launch(
        head + "fence.proxy.async;" + body,
        1,
        32,
        memory,
        HopperKernels.parameters(map, map, 0, out),
        List.of(),
        HopperKernels.options(1, AsyncPolicy.LATEST, WarpOrder.ROUND_ROBIN));
    assertEquals(expected(tensor, map, 0, 0, 0, 0)[0], HopperKernels.halves(memory, out, 1)[0]);
  }
}
