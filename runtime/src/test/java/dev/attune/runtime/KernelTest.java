package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.compile.Candidates;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a launch gives to the code of a device, and which candidate it takes. */
class KernelTest {
  private static final int DIM = TileCopyKernel.DIM;

  private final Device device = Device.open("emulated");
  private final Recorder tiles = new Recorder();
  private final Recorder rows = new Recorder();

  /** Code that keeps what it is told. Encodes a tensor map as its number. */
  private static final class Recorder implements Kernel.Code {
    final List<LaunchPlan> plans = new ArrayList<>();
    final List<TensorMap> maps = new ArrayList<>();
    boolean fails;
    boolean closed;

    @Override
    public void launch(Stream stream, LaunchPlan plan) {
      if (fails) {
        throw new DeviceException("it broke");
      }
      plans.add(plan);
    }

    @Override
    public byte[] encode(TensorMap map) {
      maps.add(map);
      byte[] bytes = new byte[TensorMap.BYTES];
      bytes[0] = (byte) maps.size();
      bytes[TensorMap.BYTES - 1] = -1;
      return bytes;
    }

    @Override
    public void close() {
      closed = true;
    }

    long value(String parameter) {
      List<Parameter> parameters = TileCopyKernel.artifact().manifest().parameters();
      LaunchPlan plan = plans.getLast();
      for (int i = 0; i < parameters.size(); i++) {
        if (parameters.get(i).name().equals(parameter)) {
          ByteBuffer block = ByteBuffer.wrap(plan.block()).order(ByteOrder.LITTLE_ENDIAN);
          return parameters.get(i).type() == Parameter.Type.S32
              ? block.getInt(plan.offsets()[i])
              : block.getLong(plan.offsets()[i]);
        }
      }
      throw new AssertionError(parameter);
    }
  }

  @AfterEach
  void close() {
    device.close();
  }

  private static Artifact fallback() {
    return CopyKernel.artifact(new HeadDim(DIM, DIM));
  }

  private Kernel load(Artifact... artifacts) {
    return Kernel.load(
        device,
        CopyKernel.SPEC,
        new Candidates(List.of(artifacts)),
        Selection.ALL,
        a -> a.manifest().target() == Target.SM_90A ? tiles : rows);
  }

  private Arguments arguments(Tensor q, int kvSeq) {
    int batch = q.extent(0);
    int seq = q.extent(1);
    int heads = q.extent(2);
    return Arguments.of(
            q,
            device.empty(ElementType.BF16, batch, kvSeq, 1, DIM),
            device.empty(ElementType.BF16, batch, kvSeq, 1, DIM),
            device.empty(ElementType.BF16, batch, seq, heads, DIM))
        .lse(device.empty(ElementType.F32, batch, heads, seq))
        .tensor("bias", device.tensor(NdArray.floats(heads)));
  }

  private Arguments arguments(int batch, int seq, int heads, int kvSeq) {
    return arguments(device.empty(ElementType.BF16, batch, seq, heads, DIM), kvSeq);
  }

  @Test
  void tensorMapsSayWhereTheTensorLies() {
    Arguments arguments = arguments(2, 33, 4, 5);
    try (Kernel kernel = load(TileCopyKernel.artifact())) {
      kernel.launch(device.stream(), arguments);
    }
    assertEquals(
        List.of(
            new TensorMap(
                ElementType.BF16,
                arguments.q().address(),
                List.of(64, 33, 4, 2),
                List.of(512L, 128L, 33 * 512L),
                List.of(64, TileCopyKernel.ROWS, 1, 1)),
            new TensorMap(
                ElementType.BF16,
                arguments.k().address(),
                List.of(64, 5, 1, 2),
                List.of(128L, 128L, 5 * 128L),
                List.of(64, TileCopyKernel.K_ROWS, 1, 1)),
            new TensorMap(
                ElementType.BF16,
                arguments.o().address(),
                List.of(64, 33, 4, 2),
                List.of(512L, 128L, 33 * 512L),
                List.of(64, TileCopyKernel.ROWS, 1, 1))),
        tiles.maps);
    LaunchPlan plan = tiles.plans.getFirst();
    assertArrayEquals(
        new int[] {0, 128, 256, 384, 392, 396, 400, 404, 408, 416, 424}, plan.offsets());
    assertEquals(432, plan.block().length);
    for (int map = 0; map < 3; map++) {
      assertEquals(map + 1, plan.block()[128 * map]);
      assertEquals(-1, plan.block()[128 * map + 127]);
    }
    assertEquals(arguments.lse().orElseThrow().address(), tiles.value("lse"));
    assertEquals(33, tiles.value("size_q"));
    assertEquals(3, tiles.value("shift"));
  }

  @Test
  void anAxisOfOneElementGetsThePackedStride() {
    Tensor q =
        Tensor.strided(
            device.allocate(2 * 40 * DIM),
            ElementType.BF16,
            0,
            new int[] {1, 40, 1, DIM},
            new long[] {-17, DIM, Long.MAX_VALUE, 1});
    try (Kernel kernel = load(TileCopyKernel.artifact())) {
      kernel.launch(device.stream(), arguments(q, 1));
    }
    TensorMap map = tiles.maps.getFirst();
    assertEquals(List.of(128L, 128L, 40 * 128L), map.strides());
  }

  @Test
  void groupedTensorMapsSplitTheHeads() {
    Tensor q = device.empty(ElementType.BF16, 3, 33, 12, DIM);
    TensorMap map = TensorMap.grouped("q", q, 4, 64, 64);
    assertEquals(List.of(DIM, 4, 33, 3, 3), map.dims());
    long row = 2 * DIM;
    assertEquals(List.of(row, 12 * row, 4 * row, 33 * 12 * row), map.strides());
    assertEquals(List.of(64, 4, 16, 1, 1), map.box());
    TensorMap ragged = TensorMap.grouped("q", q, 6, 64, 64);
    assertEquals(List.of(64, 6, 10, 1, 1), ragged.box());
    assertEquals(2 * 64 * 60, ragged.boxBytes());
  }

  @Test
  void groupedTensorMapsNeedGroupsWithinTheLimit() {
    long stride = 1L << 38;
    Tensor q =
        Tensor.strided(
            device.allocate(2 * DIM),
            ElementType.BF16,
            0,
            new int[] {1, 1, 4, DIM},
            new long[] {DIM, DIM, stride, 1});
    assertEquals(
        "q has stride 274877906944 along its heads, too much for the tensor maps of this kernel",
        assertThrows(LaunchException.class, () -> TensorMap.grouped("q", q, 2, 64, 64))
            .getMessage());
  }

  @Test
  void tensorMapsAreEncodedOncePerPlace() {
    Arguments first = arguments(1, 20, 2, 5);
    Arguments second = arguments(1, 20, 2, 5);
    try (Kernel kernel = load(TileCopyKernel.artifact())) {
      for (int i = 0; i < 5; i++) {
        kernel.launch(device.stream(), first);
        kernel.launch(device.stream(), second.param("shift", i));
        assertEquals(i, tiles.value("shift"));
      }
      assertEquals(6, tiles.maps.size());
      assertEquals(second.q().address(), tiles.maps.get(3).address());
      assertEquals(4, tiles.plans.getLast().block()[0]);
      Tensor o = first.o();
      Tensor shorter = first.q().slice(1, 0, 16);
      kernel.launch(
          device.stream(),
          Arguments.of(shorter, first.k(), first.v(), o.slice(1, 0, 16))
              .lse(device.empty(ElementType.F32, 1, 2, 16))
              .tensor("bias", device.tensor(NdArray.floats(2))));
      assertEquals(8, tiles.maps.size());
      assertEquals(16, tiles.maps.getLast().dims().get(1));
    }
  }

  @Test
  void rememberedValuesAreBounded() {
    Lru<Integer, String> lru = new Lru<>(3);
    List<Integer> computed = new ArrayList<>();
    for (int key : new int[] {1, 2, 3, 1, 4, 1, 2, 3}) {
      assertEquals(
          "v" + key,
          lru.get(
              key,
              k -> {
                computed.add(k);
                return "v" + k;
              }));
    }
    assertEquals(List.of(1, 2, 3, 4, 2, 3), computed);
    assertEquals(3, lru.size());
    assertThrows(
        LaunchException.class,
        () ->
            lru.get(
                9,
                k -> {
                  throw new LaunchException("no");
                }));
    assertEquals("v9", lru.get(9, k -> "v" + k));
  }

  @Test
  void gridsArePersistent() {
    int sms = device.info().multiprocessors();
    try (Kernel kernel = load(TileCopyKernel.artifact())) {
      kernel.launch(device.stream(), arguments(1, 16, 1, 5));
      assertEquals(1, tiles.plans.getLast().gridX());
      kernel.launch(device.stream(), arguments(3, 16 * sms + 1, 2, 5));
      LaunchPlan plan = tiles.plans.getLast();
      assertEquals(List.of(sms, 1, 1), List.of(plan.gridX(), plan.gridY(), plan.gridZ()));
      int before = tiles.plans.size();
      kernel.launch(device.stream(), arguments(0, 16, 1, 5));
      kernel.launch(device.stream(), arguments(2, 0, 1, 5));
      kernel.launch(device.stream(), arguments(2, 0, 1, 0));
      assertEquals(before, tiles.plans.size());
      // More heads than a grid has along y.
      kernel.launch(device.stream(), arguments(1, 1, 65536, 1));
      assertEquals(sms, tiles.plans.getLast().gridX());
    }
  }

  @Test
  void everyStreamHasItsCounter() {
    Arguments arguments = arguments(1, 16, 1, 5);
    try (Kernel kernel = load(TileCopyKernel.artifact());
        Kernel other = load(TileCopyKernel.artifact());
        Stream stream = device.newStream()) {
      kernel.launch(device.stream(), arguments);
      long own = tiles.value("counter");
      kernel.launch(stream, arguments);
      long second = tiles.value("counter");
      other.launch(device.stream(), arguments);
      long third = tiles.value("counter");
      kernel.launch(device.stream(), arguments);
      assertEquals(own, tiles.value("counter"));
      kernel.launch(stream, arguments);
      assertEquals(second, tiles.value("counter"));
      assertNotEquals(own, second);
      assertNotEquals(own, third);
      assertEquals(0, own % 8);
      // A launch that breaks off leaves its counter behind.
      tiles.fails = true;
      assertThrows(DeviceException.class, () -> kernel.launch(device.stream(), arguments));
      tiles.fails = false;
      kernel.launch(device.stream(), arguments);
      assertNotEquals(own, tiles.value("counter"));
      kernel.launch(stream, arguments);
      assertEquals(second, tiles.value("counter"));
    }
  }

  @Test
  void everyCapturedLaunchHasItsCounter() {
    Arguments arguments = arguments(1, 16, 1, 5);
    CapturedStream stream = new CapturedStream(device);
    try (Kernel kernel = load(TileCopyKernel.artifact())) {
      kernel.launch(stream, arguments);
      Set<Long> counters = new HashSet<>(List.of(tiles.value("counter")));
      stream.capturing = true;
      for (int i = 0; i < 5; i++) {
        kernel.launch(stream, arguments);
        assertTrue(counters.add(tiles.value("counter")));
      }
      stream.capturing = false;
      kernel.launch(stream, arguments);
      assertFalse(counters.add(tiles.value("counter")));
      stream.capturing = true;
      for (int i = 6; i < WorkCounters.BLOCK; i++) {
        kernel.launch(stream, arguments);
        assertTrue(counters.add(tiles.value("counter")));
      }
      LaunchException e =
          assertThrows(LaunchException.class, () -> kernel.launch(stream, arguments));
      assertEquals(
          "the kernel has no work counters left for captured launches;"
              + " prepare it again before the next capture",
          e.getMessage());
      kernel.prepare();
      kernel.launch(stream, arguments);
      assertTrue(counters.add(tiles.value("counter")));
    }
  }

  @Test
  void nothingIsLoadedDuringACapture() {
    Arguments arguments = arguments(1, 33, 2, 5);
    CapturedStream stream = new CapturedStream(device);
    stream.capturing = true;
    try (Kernel kernel = load(TileCopyKernel.artifact(), fallback())) {
      LaunchException e =
          assertThrows(LaunchException.class, () -> kernel.launch(stream, arguments));
      assertEquals(
          "kernel tiles is not loaded yet, which cannot be done while a stream is captured;"
              + " prepare it before",
          e.getMessage());
      assertEquals(List.of(), tiles.plans);
      kernel.prepare(arguments);
      kernel.launch(stream, arguments);
      assertEquals(1, tiles.plans.size());
      Arguments noKeys = arguments(1, 33, 2, 0);
      assertThrows(LaunchException.class, () -> kernel.launch(stream, noKeys));
      kernel.prepare();
      kernel.launch(stream, noKeys);
      assertEquals(1, rows.plans.size());
    }
  }

  @Test
  void theFirstCandidateThatAcceptsIsLaunched() {
    Kernel kernel = load(TileCopyKernel.artifact(), fallback());
    assertEquals(
        List.of("tiles", "copy"), kernel.manifests().stream().map(Manifest::entry).toList());
    Arguments plain = arguments(1, 33, 2, 5);
    assertEquals(List.of(true, true), accepts(kernel, plain));
    kernel.launch(device.stream(), plain);
    assertEquals(List.of(1, 0), List.of(tiles.plans.size(), rows.plans.size()));

    Arguments noKeys = arguments(1, 33, 2, 0);
    assertEquals(List.of(false, true), accepts(kernel, noKeys));
    assertEquals(
        Optional.of("k is empty, and the tensor maps of this kernel need at least one element"),
        kernel.explain(noKeys).candidates().getFirst().refusal());
    kernel.launch(device.stream(), noKeys);
    assertEquals(List.of(1, 1), List.of(tiles.plans.size(), rows.plans.size()));

    Tensor broadcast =
        Tensor.strided(
            device.allocate(2 * 33 * DIM),
            ElementType.BF16,
            0,
            new int[] {1, 33, 2, DIM},
            new long[] {0, DIM, 0, 1});
    Arguments expanded = arguments(broadcast, 5);
    Explanation.Verdict verdict = kernel.explain(expanded).candidates().getFirst();
    assertSame(TileCopyKernel.artifact().manifest().target(), verdict.manifest().target());
    assertFalse(verdict.accepts());
    assertTrue(
        verdict.refusal().orElseThrow().startsWith("q has stride 0 along axis 2, and"),
        verdict.toString());
    kernel.launch(device.stream(), expanded);
    assertEquals(List.of(1, 2), List.of(tiles.plans.size(), rows.plans.size()));

    Tensor backwards =
        Tensor.strided(
            device.allocate(2 * 33 * DIM),
            ElementType.BF16,
            2 * 32 * DIM,
            new int[] {1, 33, 1, DIM},
            new long[] {0, -DIM, 0, 1});
    kernel.launch(device.stream(), arguments(backwards, 5));
    assertEquals(List.of(1, 3), List.of(tiles.plans.size(), rows.plans.size()));
    kernel.close();
    assertTrue(tiles.closed && rows.closed);
  }

  private static List<Boolean> accepts(Kernel kernel, Arguments arguments) {
    return kernel.explain(arguments).candidates().stream()
        .map(Explanation.Verdict::accepts)
        .toList();
  }

  /** A packed kernel of 64 rows for up to 127 queries, and one of 128 rows of a head for all. */
  @Test
  void packedHeadsAreTakenWhereTheyHaveFewerRows() {
    Kernel kernel =
        load(
            TileCopyKernel.artifact(Manifest.Grid.PERSISTENT_PACKED, new Lengths(1, 127), 64),
            TileCopyKernel.artifact(Manifest.Grid.PERSISTENT, Lengths.ALL, 128));
    // 64 rows for 4 heads of up to 16 queries; 4 x 128 as well from 113 on.
    assertEquals(0, chosen(kernel, 1, 4));
    assertEquals(0, chosen(kernel, 16, 4));
    assertEquals(0, chosen(kernel, 112, 4));
    assertEquals(1, chosen(kernel, 113, 4));
    assertEquals(1, chosen(kernel, 128, 4));
    // 15 tiles of 9 queries are more rows than 7 of 128.
    assertEquals(1, chosen(kernel, 127, 7));
    assertEquals(1, chosen(kernel, 1, 1));
    assertEquals(0, chosen(kernel, 1, 64));
    assertEquals(1, chosen(kernel, 1, 65));
    assertEquals(
        Optional.of(
            "q has 65 heads for each of k's, and a tile of this kernel rows for at most 64"),
        kernel.explain(arguments(1, 1, 65, 5)).candidates().getFirst().refusal());
  }

  private int chosen(Kernel kernel, int queries, int heads) {
    List<Boolean> chosen =
        kernel.explain(arguments(1, queries, heads, 5)).candidates().stream()
            .map(Explanation.Verdict::chosen)
            .toList();
    assertEquals(chosen.indexOf(true), chosen.lastIndexOf(true));
    return chosen.indexOf(true);
  }

  @Test
  void whatNoCandidateTakesIsRefused() {
    Kernel kernel = load(TileCopyKernel.artifact(), fallback());
    Arguments wrong = arguments(1, 33, 2, 5).param("shift", 1000);
    assertEquals(List.of(false, false), accepts(kernel, wrong));
    String same = "parameter shift is 1000, expected a value from -100 to 100";
    for (int i = 0; i < 2; i++) {
      assertEquals(same, refused(kernel, wrong));
    }
    // Two reasons: no keys for the one, too many heads for the other.
    assertEquals(
        "no candidate takes the arguments: kernel.1 for sm_90a: k is empty, and the tensor maps of"
            + " this kernel need at least one element; kernel.2 for sm_80: q's heads has extent"
            + " 65536, expected at most 65535",
        refused(kernel, arguments(1, 1, 65536, 0)));
    assertTrue(tiles.plans.isEmpty() && rows.plans.isEmpty());
    assertThrows(LaunchException.class, this::load);
  }

  private String refused(Kernel kernel, Arguments arguments) {
    LaunchException e =
        assertThrows(LaunchException.class, () -> kernel.launch(device.stream(), arguments));
    return String.valueOf(e.getMessage());
  }

  @Test
  void codeIsLoadedWhenALaunchNeedsIt() {
    List<Target> loaded = new ArrayList<>();
    Kernel kernel =
        Kernel.load(
            device,
            CopyKernel.SPEC,
            new Candidates(List.of(TileCopyKernel.artifact(), fallback())),
            Selection.ALL,
            a -> {
              loaded.add(a.manifest().target());
              return tiles;
            });
    assertEquals(List.of(), loaded);
    kernel.launch(device.stream(), arguments(1, 33, 2, 5));
    kernel.launch(device.stream(), arguments(1, 33, 2, 5));
    assertEquals(List.of(Target.SM_90A), loaded);
    kernel.close();
    assertTrue(tiles.closed);
    DeviceException e =
        assertThrows(
            DeviceException.class, () -> kernel.launch(device.stream(), arguments(1, 33, 2, 5)));
    assertEquals("the kernel is closed", e.getMessage());
  }

  @Test
  void rememberedLayoutsDoNotExcuseOtherMemory() {
    Kernel kernel = load(fallback());
    Arguments good = arguments(1, 33, 2, 5);
    kernel.launch(device.stream(), good);
    Arguments unaligned =
        arguments(
            Tensor.contiguous(
                device.allocate(2 * 33 * 2 * DIM + 16), ElementType.BF16, 8, 1, 33, 2, DIM),
            5);
    assertTrue(refused(kernel, unaligned).startsWith("q starts at address 0x"));
    Arguments outside =
        arguments(
            Tensor.contiguous(
                device.allocate(2 * 33 * 2 * DIM), ElementType.BF16, 16, 1, 33, 2, DIM),
            5);
    assertTrue(refused(kernel, outside).contains("occupies bytes 16 to"));
    Arguments overlapping =
        Arguments.of(good.o(), good.k(), good.v(), good.o())
            .lse(good.lse().orElseThrow())
            .tensor("bias", device.tensor(NdArray.floats(2)));
    assertEquals("o is written, but shares memory with q", refused(kernel, overlapping));
    assertEquals(
        "'copy' declares no parameter 'shaft'; did you mean 'shift'?",
        refused(kernel, good.param("shaft", 1)));
    assertEquals(
        "'copy' declares no tensor 'biass'; did you mean 'bias'?",
        refused(kernel, good.tensor("biass", good.q())));
    good.q().buffer().close();
    assertEquals("q lies in a buffer that is closed", refused(kernel, good));
  }
}
