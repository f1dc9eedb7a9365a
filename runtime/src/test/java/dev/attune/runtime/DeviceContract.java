package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every device does; run on each. */
abstract class DeviceContract {
  private Device device;
  private Kernel kernel;

  abstract Device open();

  @BeforeEach
  void load() {
    device = open();
    kernel = device.load(CopyKernel.SPEC, CopyKernel.artifact());
  }

  @AfterEach
  void close() {
    kernel.close();
    device.close();
  }

  /** Values that round to bf16 in both directions. */
  private static NdArray values(int... shape) {
    NdArray array = NdArray.floats(shape);
    for (int i = 0; i < array.floats().length; i++) {
      array.floats()[i] = (i % 517 - 258) * 0.337f;
    }
    return array;
  }

  private static float[] rounded(NdArray array) {
    float[] result = array.floats().clone();
    for (int i = 0; i < result.length; i++) {
      result[i] = Dtype.BF16.round(result[i]);
    }
    return result;
  }

  private Arguments arguments(int batch, int seq, int heads, int kvSeq, int kvHeads) {
    return Arguments.of(
            device.tensor(Dtype.BF16, values(batch, seq, heads, 8)),
            device.empty(ElementType.BF16, batch, kvSeq, kvHeads, 8),
            device.empty(ElementType.BF16, batch, kvSeq, kvHeads, 8),
            device.empty(ElementType.BF16, batch, seq, heads, 8))
        .lse(device.empty(ElementType.F32, batch, heads, seq))
        .tensor("bias", bias(heads));
  }

  private Tensor bias(int heads) {
    float[] data = new float[heads];
    for (int h = 0; h < heads; h++) {
      data[h] = 100 * h;
    }
    return device.tensor(new NdArray(new int[] {heads}, data));
  }

  private void launch(Arguments arguments) {
    kernel.launch(device.stream(), arguments);
    device.stream().synchronize();
  }

  private void refused(Arguments arguments, String... parts) {
    LaunchException e = assertThrows(LaunchException.class, () -> launch(arguments));
    for (String part : parts) {
      assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
    }
  }

  @Test
  void describesItself() {
    DeviceInfo info = device.info();
    assertTrue(info.runs(Target.SM_80), info.toString());
    assertTrue(info.multiprocessors() > 0 && info.memoryBytes() > 0, info.toString());
  }

  @Test
  void everyTypeGoesThereAndBack() {
    NdArray floats = values(3, 5);
    assertArrayEquals(floats.floats(), device.tensor(floats).download().floats());
    assertArrayEquals(rounded(floats), device.tensor(Dtype.BF16, floats).download().floats());
    float[] halves = device.tensor(Dtype.F16, floats).download().floats();
    for (int i = 0; i < halves.length; i++) {
      assertEquals(Dtype.F16.round(floats.floats()[i]), halves[i]);
    }
    NdArray ints = new NdArray(new int[] {2, 2}, new int[] {1, -1, Integer.MIN_VALUE, 5});
    assertArrayEquals(ints.ints(), device.tensor(ints).download().ints());
    NdArray bools = new NdArray(new int[] {3}, new byte[] {1, 0, 1});
    assertArrayEquals(bools.bools(), device.tensor(bools).download().bools());
    assertEquals(0, device.empty(ElementType.F32, 0, 4).download().floats().length);
    assertThrows(IllegalArgumentException.class, () -> device.tensor(ints).upload(bools));
    assertThrows(IllegalArgumentException.class, () -> device.tensor(ints).upload(floats));
    assertThrows(IllegalArgumentException.class, () -> device.empty(ElementType.F32, -1, -4));
  }

  @Test
  void viewsLeaveTheRestAlone() {
    Buffer buffer = device.allocate(4 * 6 * 10);
    buffer.fill((byte) 0x55);
    Tensor all = Tensor.contiguous(buffer, ElementType.F32, 0, 6, 10);
    Tensor view = all.slice(0, 1, 5).slice(1, 2, 9);
    NdArray values = values(4, 7);
    view.upload(values);
    assertArrayEquals(values.floats(), view.download().floats());
    Tensor turned = view.permute(1, 0);
    assertEquals(values.floats()[8], turned.download().floats()[4 + 1]);
    float[] whole = all.download().floats();
    float untouched = Float.intBitsToFloat(0x55555555);
    for (int i = 0; i < 60; i++) {
      int row = i / 10;
      int column = i % 10;
      boolean inside = row >= 1 && row < 5 && column >= 2 && column < 9;
      assertEquals(inside ? values.floats()[(row - 1) * 7 + column - 2] : untouched, whole[i]);
    }
  }

  @Test
  void buffersKeepTheirBounds() {
    Buffer buffer = device.allocate(10);
    byte[] bytes = new byte[10];
    assertEquals(10, buffer.bytes());
    assertEquals(0, buffer.address() % 256);
    assertThrows(IndexOutOfBoundsException.class, () -> buffer.write(5, bytes, 0, 6));
    assertThrows(IndexOutOfBoundsException.class, () -> buffer.read(-1, bytes, 0, 1));
    assertThrows(IndexOutOfBoundsException.class, () -> buffer.read(0, bytes, 5, 6));
    buffer.close();
    buffer.close();
    assertTrue(buffer.isClosed());
    assertThrows(DeviceException.class, () -> buffer.write(0, bytes, 0, 1));
    assertThrows(DeviceException.class, () -> device.allocate(-1));
    assertThrows(DeviceException.class, () -> device.allocate(1L << 60));
  }

  @Test
  void launchesComputeWhatTheyAreTold() {
    for (int seq : new int[] {1, 31, 32, 33, 100}) {
      Arguments arguments = arguments(2, seq, 4, 5, 2).scale(0.25).param("shift", 10);
      launch(arguments);
      assertArrayEquals(
          rounded(values(2, seq, 4, 8)), arguments.o().download().floats(), "seq " + seq);
      float[] lse = arguments.lse().orElseThrow().download().floats();
      for (int i = 0; i < lse.length; i++) {
        assertEquals(10.25f + 100 * (i / seq % 4), lse[i]);
      }
    }
    Arguments defaults = arguments(1, 1, 1, 1, 1);
    launch(defaults);
    assertEquals(
        (float) (1 / Math.sqrt(8)) + 3, defaults.lse().orElseThrow().download().floats()[0]);
  }

  private Arguments tileArguments(Tensor q, Tensor o) {
    int heads = q.extent(2);
    return Arguments.of(
            q,
            device.empty(ElementType.BF16, q.extent(0), 5, 1, TileCopyKernel.DIM),
            device.empty(ElementType.BF16, q.extent(0), 5, 1, TileCopyKernel.DIM),
            o)
        .lse(device.empty(ElementType.F32, q.extent(0), heads, q.extent(1)))
        .tensor("bias", bias(heads));
  }

  @Test
  void tensorMapsAndCountersReachTheKernel() {
    Assumptions.assumeTrue(device.info().runs(Target.SM_90A));
    try (Kernel tiles = device.load(CopyKernel.SPEC, TileCopyKernel.artifact());
        Stream other = device.newStream()) {
      for (int seq : new int[] {1, 15, 16, 17, 100}) {
        NdArray values = values(2, seq, 3, TileCopyKernel.DIM);
        Tensor q = device.tensor(Dtype.BF16, values);
        Arguments arguments =
            tileArguments(q, device.empty(ElementType.BF16, q.shape())).scale(0.25);
        Buffer lse = arguments.lse().orElseThrow().buffer();
        for (Stream stream : List.of(device.stream(), other, other, device.stream())) {
          arguments.o().buffer().fill((byte) 0xFF);
          lse.fill((byte) 0xFF);
          tiles.launch(stream, arguments);
          stream.synchronize();
          assertArrayEquals(rounded(values), arguments.o().download().floats(), "seq " + seq);
          float[] written = arguments.lse().orElseThrow().download().floats();
          for (int i = 0; i < written.length; i++) {
            assertEquals(3.25f + 100 * (i / seq % 3), written[i]);
          }
        }
      }
    }
  }

  @Test
  void tensorMapsFollowStrides() {
    Assumptions.assumeTrue(device.info().runs(Target.SM_90A));
    long dim = TileCopyKernel.DIM;
    // Q and O side by side in rows of 3 x 64 elements, heads before positions.
    Buffer packed = device.allocate(2 * 2 * 3 * 37 * 3 * dim);
    packed.fill((byte) 0);
    int[] shape = {2, 37, 3, TileCopyKernel.DIM};
    long[] strides = {3 * 37 * 3 * dim, 3 * dim, 37 * 3 * dim, 1};
    Tensor q = Tensor.strided(packed, ElementType.BF16, 0, shape, strides);
    Tensor gap = Tensor.strided(packed, ElementType.BF16, 2 * dim, shape, strides);
    Tensor o = Tensor.strided(packed, ElementType.BF16, 4 * dim, shape, strides);
    NdArray values = values(shape);
    q.upload(values);
    try (Kernel tiles = device.load(CopyKernel.SPEC, TileCopyKernel.artifact())) {
      tiles.launch(device.stream(), tileArguments(q, o));
    }
    assertArrayEquals(rounded(values), o.download().floats());
    assertArrayEquals(rounded(values), q.download().floats());
    assertArrayEquals(NdArray.floats(shape).floats(), gap.download().floats());
  }

  @Test
  void anotherCandidateTakesWhatTheFirstDoesNot() {
    Assumptions.assumeTrue(device.info().runs(Target.SM_90A));
    List<Artifact> candidates = List.of(TileCopyKernel.artifact(8), CopyKernel.artifact());
    try (Kernel both = device.load(CopyKernel.SPEC, candidates)) {
      for (int keys : new int[] {5, 0}) {
        Arguments arguments = arguments(2, 40, 3, keys, 1);
        assertEquals(
            List.of(keys > 0, true),
            both.explain(arguments).candidates().stream()
                .map(Explanation.Verdict::accepts)
                .toList());
        both.launch(device.stream(), arguments);
        assertArrayEquals(rounded(values(2, 40, 3, 8)), arguments.o().download().floats());
      }
    }
  }

  @Test
  void stridedViewsOfOneAllocation() {
    // Q and O as the first and last quarter of packed rows, heads before positions in O.
    Buffer packed = device.allocate(2L * 2 * 40 * 4 * 16);
    packed.fill((byte) 0);
    long[] strides = {40 * 4 * 16, 4 * 16, 16, 1};
    Tensor q = Tensor.strided(packed, ElementType.BF16, 0, new int[] {2, 40, 4, 8}, strides);
    Tensor o = Tensor.strided(packed, ElementType.BF16, 16, new int[] {2, 40, 4, 8}, strides);
    NdArray values = values(2, 40, 4, 8);
    q.upload(values);
    Arguments rest = arguments(2, 40, 4, 3, 1);
    launch(
        Arguments.of(q, rest.k(), rest.v(), o)
            .lse(rest.lse().orElseThrow())
            .tensor("bias", bias(4)));
    assertArrayEquals(rounded(values), o.download().floats());
    assertArrayEquals(rounded(values), q.download().floats());
  }

  @Test
  void stridesOfSingleElementsMayBeAnything() {
    Tensor q =
        Tensor.strided(
            device.allocate(2 * 40 * 8),
            ElementType.BF16,
            0,
            new int[] {1, 40, 1, 8},
            new long[] {99990001, 8, Long.MAX_VALUE, 1});
    NdArray values = values(1, 40, 1, 8);
    q.upload(values);
    Arguments rest = arguments(1, 40, 1, 3, 1);
    launch(
        Arguments.of(q, rest.k(), rest.v(), rest.o())
            .lse(rest.lse().orElseThrow())
            .tensor("bias", bias(1)));
    assertArrayEquals(rounded(values), rest.o().download().floats());
  }

  @Test
  void emptyLaunchesDoNothing() {
    launch(arguments(0, 5, 2, 3, 1));
    launch(arguments(2, 0, 2, 3, 1));
    Arguments noKeys = arguments(1, 3, 2, 0, 1);
    launch(noKeys);
    assertArrayEquals(rounded(values(1, 3, 2, 8)), noKeys.o().download().floats());
  }

  @Test
  void eventsMeasureTime() {
    Event before = device.newEvent();
    Event after = device.newEvent();
    assertThrows(DeviceException.class, () -> after.millisecondsSince(before));
    Arguments arguments = arguments(2, 64, 4, 5, 2);
    before.record(device.stream());
    kernel.launch(device.stream(), arguments);
    after.record(device.stream());
    double milliseconds = after.millisecondsSince(before);
    assertTrue(milliseconds > 0 && milliseconds < 60_000, Double.toString(milliseconds));
  }

  @Test
  void streamsAreIndependent() {
    Stream stream = device.newStream();
    Arguments arguments = arguments(1, 64, 2, 5, 2);
    kernel.launch(stream, arguments);
    stream.synchronize();
    assertArrayEquals(rounded(values(1, 64, 2, 8)), arguments.o().download().floats());
    stream.close();
    try (Device other = open()) {
      assertThrows(LaunchException.class, () -> kernel.launch(other.stream(), arguments));
    }
  }

  @Test
  void shapesMustAgree() {
    Arguments good = arguments(2, 33, 4, 5, 2);
    Tensor lse = good.lse().orElseThrow();
    Tensor bias = bias(4);
    refused(
        Arguments.of(good.q(), device.empty(ElementType.BF16, 3, 5, 2, 8), good.v(), good.o())
            .lse(lse)
            .tensor("bias", bias),
        "k has shape [3, 5, 2, 8], expected [2, 5, 2, 8]");
    refused(
        Arguments.of(good.q(), device.empty(ElementType.BF16, 2, 5, 3, 8), good.v(), good.o())
            .lse(lse)
            .tensor("bias", bias),
        "kv-heads must divide heads",
        "4 heads",
        "3 kv-heads");
    refused(
        Arguments.of(good.q(), good.k(), device.empty(ElementType.BF16, 2, 5, 2, 16), good.o())
            .lse(lse)
            .tensor("bias", bias),
        "v has shape [2, 5, 2, 16], expected [2, 5, 2, 8]");
    refused(
        Arguments.of(device.empty(ElementType.F16, 2, 33, 4, 8), good.k(), good.v(), good.o())
            .lse(lse)
            .tensor("bias", bias),
        "q has type f16, expected bf16");
    refused(
        Arguments.of(device.empty(ElementType.BF16, 33, 4, 8), good.k(), good.v(), good.o())
            .lse(lse)
            .tensor("bias", bias),
        "q has 3 dimensions, expected 4");
    refused(
        Arguments.of(good.q(), good.k(), good.v(), good.o()).tensor("bias", bias),
        "lse is missing");
    refused(good.maxScore(lse), "max_score is given, but this kernel does not write it");
    refused(
        good.lse(device.empty(ElementType.F32, 2, 33, 4)),
        "lse has shape [2, 33, 4], expected [2, 4, 33]");
    refused(good.lse(device.empty(ElementType.F32, 2, 33, 4).permute(0, 2, 1)), "lse has gaps");
    refused(good.tensor("bias", bias(5)), "bias has shape [5], expected [4]");
    refused(good.tensor("base", bias), "declares no tensor 'base'; it declares bias");
    refused(
        good.tensor("bias", device.empty(ElementType.I32, 4)), "bias has type i32, expected f32");
    refused(
        Arguments.of(good.q(), good.k(), good.v(), good.o()).lse(lse),
        "tensor bias is missing, expected f32 [4]");
    refused(arguments(1, 1, 65536, 1, 1), "q's heads has extent 65536, expected at most 65535");
  }

  @Test
  void scalarsMustBeAdmitted() {
    Arguments good = arguments(1, 1, 1, 1, 1);
    for (double scale : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-60, 1e60}) {
      refused(good.scale(scale), "scale is " + scale);
    }
    refused(good.param("shift", 101), "shift is 101, expected a value from -100 to 100");
    refused(good.param("shift", 0.5), "shift is 0.5, expected an integer");
    refused(good.param("shift", Double.NaN), "shift is NaN, expected an integer");
    refused(good.param("shift", 7), "shift is 7, expected what copy.attn:3 admits");
    refused(good.param("shaft", 7), "declares no parameter 'shaft'; did you mean 'shift'?");
  }

  @Test
  void memoryMustBeThere() {
    Arguments good = arguments(1, 40, 2, 5, 2);
    Buffer buffer = device.allocate(2 * 40 * 2 * 8);
    int[] shape = {1, 40, 2, 8};
    refused(
        with(good, Tensor.contiguous(buffer, ElementType.BF16, 16, shape)),
        "q ",
        "occupies bytes 16 to 1296 of its buffer, which has 1280 bytes");
    refused(
        with(good, Tensor.contiguous(buffer, ElementType.BF16, -16, shape)),
        "occupies bytes -16 to 1264");
    refused(
        with(
            good,
            Tensor.strided(buffer, ElementType.BF16, 0, shape, new long[] {640, 1L << 60, 8, 1})),
        "q has addresses beyond 64 bits");
    refused(
        with(good, Tensor.strided(buffer, ElementType.BF16, 0, shape, new long[] {640, 12, 8, 1})),
        "q has stride 12 along axis 1, expected a multiple of 8");
    refused(
        with(good, Tensor.strided(buffer, ElementType.BF16, 0, shape, new long[] {640, 16, 8, 2})),
        "q has stride 2 along its last axis, expected 1");
    Buffer larger = device.allocate(2 * 40 * 2 * 8 + 16);
    refused(
        with(good, Tensor.contiguous(larger, ElementType.BF16, 8, shape)),
        "q starts at address 0x",
        "expected a multiple of 16 bytes");
    buffer.close();
    refused(
        with(good, Tensor.contiguous(buffer, ElementType.BF16, 0, shape)),
        "q lies in a buffer that is closed");
    try (Device other = open()) {
      refused(with(good, other.empty(ElementType.BF16, shape)), "q lies on another device");
    }
  }

  private Arguments with(Arguments a, Tensor q) {
    return Arguments.of(q, a.k(), a.v(), a.o())
        .lse(a.lse().orElseThrow())
        .tensor("bias", bias(q.extent(2)));
  }

  @Test
  void outputsMustNotOverlap() {
    Arguments good = arguments(1, 40, 2, 5, 2);
    refused(
        Arguments.of(good.q(), good.k(), good.v(), good.q())
            .lse(good.lse().orElseThrow())
            .tensor("bias", bias(2)),
        "o is written, but shares memory with q");
    Tensor broadcast =
        Tensor.strided(
            good.o().buffer(),
            ElementType.BF16,
            0,
            new int[] {1, 40, 2, 8},
            new long[] {640, 16, 0, 1});
    refused(
        Arguments.of(good.q(), good.k(), good.v(), broadcast)
            .lse(good.lse().orElseThrow())
            .tensor("bias", bias(2)),
        "o is written, but its strides let elements share memory");
    refused(
        good.lse(Tensor.contiguous(good.o().buffer(), ElementType.F32, 0, 1, 2, 40)),
        "o is written, but shares memory with lse");
  }

  @Test
  void wrongCodeIsRefused() {
    Artifact good = CopyKernel.artifact();
    DeviceException e =
        assertThrows(
            DeviceException.class,
            () ->
                device.load(
                    CopyKernel.SPEC,
                    new Artifact(good.manifest(), good.ptx().replace("add.f32", "odd.f32"))));
    assertTrue(
        String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT).contains("odd"), e.getMessage());
  }

  @Test
  void closedThingsAreRefused() {
    Arguments arguments = arguments(1, 1, 1, 1, 1);
    Kernel other = device.load(CopyKernel.SPEC, CopyKernel.artifact());
    other.close();
    assertThrows(DeviceException.class, () -> other.launch(device.stream(), arguments));
    Device closed = open();
    closed.close();
    assertThrows(DeviceException.class, () -> closed.allocate(1));
  }
}
