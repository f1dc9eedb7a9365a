package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From text to a launch, and what is compiled on the way. */
class AttentionTest {
  private static final String WINDOW =
      "attention window { param n : int = 3 where n >= 1  mask = causal and q - kv < n }";
  private static final HeadDim DIM = new HeadDim(16, 16);
  private static final int THREADS = 32;

  private final Device device = Device.open("emulated");
  private final AtomicInteger compilations = new AtomicInteger();
  private final Compiled counted =
      new Compiled(
          (spec, request) -> {
            compilations.incrementAndGet();
            return Candidates.of(spec, request);
          });

  @TempDir private Path dir;

  @AfterEach
  void close() {
    device.close();
  }

  /** With Q of zeros every live key weighs the same; V is the position of its key. */
  private Arguments arguments(Dtype dtype, int seq, int dim) {
    NdArray v = NdArray.floats(1, seq, 1, dim);
    for (int i = 0; i < v.floats().length; i++) {
      v.floats()[i] = Math.floorDiv(i, dim);
    }
    NdArray zeros = NdArray.floats(1, seq, 1, dim);
    return Arguments.of(
            device.tensor(dtype, zeros),
            device.tensor(dtype, zeros),
            device.tensor(dtype, v),
            device.empty(ElementType.of(dtype), 1, seq, 1, dim))
        .lse(device.empty(ElementType.F32, 1, 1, seq));
  }

  /** O of the last row. */
  private float last(Attention attention, Arguments arguments) {
    attention.launch(device.stream(), arguments);
    float[] o = arguments.o().download().floats();
    return o[o.length - 1];
  }

  private Attention attention(AttentionSpec spec, Prebuilt prebuilt) {
    return new Attention(spec, device, prebuilt, Selection.ALL, counted);
  }

  private Attention attention(String text) {
    return attention(SpecText.of(text), Prebuilt.none());
  }

  @Test
  void textIsLaunchedForEveryDtypeAndHeadDim() {
    try (Attention attention = Attention.compile(WINDOW, device)) {
      assertEquals("window", attention.spec().name());
      assertEquals(18, last(attention, arguments(Dtype.BF16, 20, 16)));
      assertEquals(18, last(attention, arguments(Dtype.F16, 20, 16)));
      assertEquals(18, last(attention, arguments(Dtype.F16, 20, 40)));
      assertEquals(17.5f, last(attention, arguments(Dtype.F16, 20, 40).param("n", 4)));
    }
  }

  @Test
  void aFileImportsThoseBesideIt() throws IOException {
    Files.writeString(dir.resolve("width.attn"), "const WIDTH = 5\n");
    Path file = dir.resolve("mine.attn");
    Files.writeString(file, "import width\nattention mine { mask = causal and q - kv < WIDTH }\n");
    try (Attention attention = Attention.compile(file, device)) {
      assertEquals(17, last(attention, arguments(Dtype.F16, 20, 16)));
    }
  }

  @Test
  void textWithErrorsIsShown() {
    SpecException e =
        assertThrows(
            SpecException.class,
            () -> Attention.compile("attention a {\n  mask = kv < windw\n}", device));
    assertEquals(1, e.diagnostics().size());
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("text:2:15") && message.contains("mask = kv < windw"), message);
    assertEquals(
        "text declares 2 attentions (a, b), expected one",
        refusedText("attention a { } attention b { }"));
    assertEquals("text declares 0 attentions, expected one", refusedText("const A = 1"));
    Path missing = dir.resolve("none.attn");
    assertEquals(
        "there is no file " + missing,
        assertThrows(SpecException.class, () -> Attention.compile(missing, device)).getMessage());
  }

  private String refusedText(String text) {
    SpecException e = assertThrows(SpecException.class, () -> Attention.compile(text, device));
    assertEquals(List.of(), e.diagnostics());
    return String.valueOf(e.getMessage());
  }

  /** Runs a task in many threads that start together. */
  private static <T> List<Future<T>> together(Callable<T> task) throws InterruptedException {
    CountDownLatch start = new CountDownLatch(1);
    List<Future<T>> futures = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      for (int i = 0; i < THREADS; i++) {
        futures.add(
            pool.submit(
                () -> {
                  start.await();
                  return task.call();
                }));
      }
      start.countDown();
    }
    return futures;
  }

  @Test
  void manyThreadsCompileOnce() throws Exception {
    try (Attention one = attention(WINDOW);
        Attention same = attention(WINDOW);
        Attention other = attention(WINDOW.replace("n >= 1", "n >= 2"))) {
      AtomicInteger turn = new AtomicInteger();
      for (Future<Float> o :
          together(
              () ->
                  last(
                      turn.getAndIncrement() % 2 == 0 ? one : same,
                      arguments(Dtype.F16, 20, 16)))) {
        assertEquals(18, o.get());
      }
      assertEquals(1, compilations.get());
      assertSame(
          one.prepare(Dtype.F16, DIM, Batching.DENSE), one.prepare(Dtype.F16, DIM, Batching.DENSE));
      assertNotSame(
          one.prepare(Dtype.F16, DIM, Batching.DENSE),
          same.prepare(Dtype.F16, DIM, Batching.DENSE));
      assertEquals(1, compilations.get());
      last(other, arguments(Dtype.F16, 20, 16));
      assertEquals(2, compilations.get());
      last(one, arguments(Dtype.BF16, 20, 16));
      assertEquals(3, compilations.get());
      one.prepare(Dtype.BF16, new HeadDim(16, 24), Batching.DENSE);
      assertEquals(4, compilations.get());
      one.prepare(Dtype.BF16, DIM, Batching.PACKED);
      assertEquals(5, compilations.get());
    }
  }

  private static Throwable cause(ExecutionException e) {
    return Objects.requireNonNull(e.getCause());
  }

  @Test
  void whatFailsIsTriedAgain() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    Compiled failsOnce =
        new Compiled(
            (spec, request) -> {
              if (tries.getAndIncrement() == 0) {
                throw new IllegalStateException("it broke");
              }
              return Candidates.of(spec, request);
            });
    try (Attention attention =
        new Attention(SpecText.of(WINDOW), device, Prebuilt.none(), Selection.ALL, failsOnce)) {
      int failed = 0;
      for (Future<Kernel> f : together(() -> attention.prepare(Dtype.F16, DIM, Batching.DENSE))) {
        try {
          f.get();
        } catch (ExecutionException e) {
          assertEquals("it broke", cause(e).getMessage());
          failed++;
        }
      }
      assertTrue(failed >= 1);
      assertEquals(18, last(attention, arguments(Dtype.F16, 20, 16)));
      assertEquals(2, tries.get());
    }
  }

  @Test
  void nothingIsMadeDuringACapture() {
    CapturedStream stream = new CapturedStream(device);
    stream.capturing = true;
    Arguments arguments = arguments(Dtype.BF16, 7, 16);
    try (Attention attention = attention(WINDOW)) {
      LaunchException e =
          assertThrows(LaunchException.class, () -> attention.launch(stream, arguments));
      assertEquals(
          "'window' has no kernel for such tensors yet, which cannot be made while a stream is"
              + " captured; prepare it before",
          e.getMessage());
      attention.prepare(arguments);
      attention.launch(stream, arguments);
      assertEquals(2, arguments.o().download().floats()[3 * 16]);
    }
  }

  @Test
  void whatABuildMadeIsNotCompiled() {
    AttentionSpec spec = SpecText.of(WINDOW);
    List<Request> requests = new ArrayList<>();
    Prebuilt prebuilt =
        request -> {
          requests.add(request);
          return request.dtype() == Dtype.F16
              ? Candidates.of(spec, request).artifacts()
              : List.of();
        };
    try (Attention attention = attention(spec, prebuilt)) {
      assertEquals(18, last(attention, arguments(Dtype.F16, 20, 16)));
      assertEquals(18, last(attention, arguments(Dtype.F16, 21, 16)) - 1);
      assertEquals(0, compilations.get());
      assertEquals(18, last(attention, arguments(Dtype.BF16, 20, 16)));
      assertEquals(1, compilations.get());
    }
    assertEquals(
        List.of(
            new Request(List.of(Target.SM_80), Dtype.F16, DIM),
            new Request(List.of(Target.SM_80), Dtype.BF16, DIM)),
        requests);
  }

  private void refused(String expected, Attention attention, Arguments arguments) {
    LaunchException e =
        assertThrows(LaunchException.class, () -> attention.launch(device.stream(), arguments));
    assertEquals(expected, e.getMessage());
  }

  @Test
  void wrongTensorsAreRefused() {
    Arguments good = arguments(Dtype.F16, 20, 16);
    try (Attention attention = attention(WINDOW);
        Device other = Device.open("emulated")) {
      Tensor floats = device.empty(ElementType.F32, 1, 20, 1, 16);
      refused(
          "q has type f32, expected bf16 or f16",
          attention,
          Arguments.of(floats, good.k(), good.v(), good.o()));
      refused(
          "k has type bf16, expected f16",
          attention,
          Arguments.of(good.q(), device.empty(ElementType.BF16, 1, 20, 1, 16), good.v(), good.o()));
      refused(
          "v has 3 dimensions, expected 4",
          attention,
          Arguments.of(good.q(), good.k(), device.empty(ElementType.F16, 20, 1, 16), good.o()));
      refused(
          "no family has a kernel: copy: it copies dense batches and cannot compute window; hopper,"
              + " ampere: head dim 12 is not supported: multiples of 8 from 8 to 256 are",
          attention,
          arguments(Dtype.F16, 20, 12));
      refused(
          "lse is missing: this kernel writes it, as float32 [B, Hq, Sq]",
          attention,
          Arguments.of(good.q(), good.k(), good.v(), good.o()));
      Tensor strange =
          Tensor.strided(
              good.q().buffer(),
              ElementType.F16,
              0,
              new int[] {1, 20, 1, 16},
              new long[] {0, 1, 0, 20});
      refused(
          "q has stride 20 along its last axis, expected 1",
          attention,
          Arguments.of(strange, good.k(), good.v(), good.o()).lse(good.lse().orElseThrow()));
      refused(
          "q lies on another device than the kernel",
          attention,
          Arguments.of(other.empty(ElementType.F16, 1, 20, 1, 16), good.k(), good.v(), good.o())
              .lse(good.lse().orElseThrow()));
      refused("'window' declares no parameter 'm'; it declares n", attention, good.param("m", 1));
      refused(
          "'window' declares no tensor 't'; it declares none", attention, good.tensor("t", floats));
      refused(
          "parameter n is 0, expected a value from 1 to 1073741824", attention, good.param("n", 0));
      assertEquals(
          "the stream belongs to another device than the kernel",
          assertThrows(LaunchException.class, () -> attention.launch(other.stream(), good))
              .getMessage());
    }
  }

  @SuppressWarnings({"NullAway", "DataFlowIssue"}) // What a caller without null checks may do.
  @Test
  void nullsAreRefused() {
    Arguments good = arguments(Dtype.F16, 20, 16);
    try (Attention attention = attention(WINDOW)) {
      assertEquals(
          "k is null",
          assertThrows(
                  LaunchException.class, () -> Arguments.of(good.q(), null, good.v(), good.o()))
              .getMessage());
      assertEquals(
          "lse is null", assertThrows(LaunchException.class, () -> good.lse(null)).getMessage());
      assertEquals(
          "stream is null",
          assertThrows(LaunchException.class, () -> attention.launch(null, good)).getMessage());
    }
  }

  @Test
  void whatASpecFixesIsRequired() {
    try (Attention attention =
        attention("attention fixed { dtype f16  head_dim 16  mask = causal }")) {
      refused(
          "q has type bf16, expected f16, which 'fixed' fixes",
          attention,
          arguments(Dtype.BF16, 20, 16));
      refused(
          "q and v have head dim 24, expected 16, which 'fixed' fixes",
          attention,
          arguments(Dtype.F16, 20, 24));
      assertThrows(
          IllegalArgumentException.class, () -> attention.prepare(Dtype.BF16, DIM, Batching.DENSE));
    }
  }

  @Test
  void aKernelThatIsMadeWhileTheAttentionClosesIsClosed() throws Exception {
    CountDownLatch making = new CountDownLatch(1);
    CountDownLatch closing = new CountDownLatch(1);
    AttentionSpec spec = SpecText.of(WINDOW);
    Prebuilt slow =
        request -> {
          making.countDown();
          try {
            closing.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          return List.of();
        };
    Attention attention = attention(spec, slow);
    try (ExecutorService pool = Executors.newSingleThreadExecutor()) {
      Future<Kernel> made = pool.submit(() -> attention.prepare(Dtype.F16, DIM, Batching.DENSE));
      making.await();
      attention.close();
      closing.countDown();
      ExecutionException e = assertThrows(ExecutionException.class, made::get);
      assertEquals("the attention 'window' is closed", cause(e).getMessage());
    }
  }

  @Test
  void closedThingsAreRefused() {
    Arguments good = arguments(Dtype.F16, 20, 16);
    Attention closed = attention(WINDOW);
    Kernel kernel = closed.prepare(Dtype.F16, DIM, Batching.DENSE);
    closed.close();
    closed.close();
    assertEquals(
        "the attention 'window' is closed",
        assertThrows(DeviceException.class, () -> closed.launch(device.stream(), good))
            .getMessage());
    assertThrows(DeviceException.class, () -> kernel.launch(device.stream(), good));
    try (Attention open = attention(WINDOW)) {
      last(open, good);
      device.close();
      assertThrows(DeviceException.class, () -> open.launch(device.stream(), good));
      assertThrows(DeviceException.class, () -> open.prepare(Dtype.BF16, DIM, Batching.DENSE));
    }
  }
}
