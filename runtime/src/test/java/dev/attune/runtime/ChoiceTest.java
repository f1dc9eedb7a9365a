package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Family;
import dev.attune.ptx.compile.Request;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which kernel a launch takes on a device of two families and more, why, and how to force it. */
class ChoiceTest {
  private static final AttentionSpec CAUSAL =
      SpecText.of("attention plain_causal { mask = causal }");
  private static final int DIM = 16;

  private final Device device = new HopperEmulator();

  @AfterEach
  void close() {
    device.close();
  }

  private static Attention attention(AttentionSpec spec, Device device, Selection selection) {
    return Attention.of(spec, device, Prebuilt.none(), selection);
  }

  private Tensor zeros(int... shape) {
    return device.tensor(Dtype.F16, NdArray.floats(shape));
  }

  private Arguments arguments(int seq, int heads) {
    return Arguments.of(
            zeros(1, seq, heads, DIM),
            zeros(1, seq, 1, DIM),
            zeros(1, seq, 1, DIM),
            zeros(1, seq, heads, DIM))
        .lse(device.empty(ElementType.F32, 1, heads, seq));
  }

  /** K that every position shares, which TMA cannot address. */
  private Arguments broadcast(int seq) {
    Arguments a = arguments(seq, 1);
    Tensor k =
        Tensor.strided(
            zeros(1, 1, 1, DIM).buffer(),
            ElementType.F16,
            0,
            new int[] {1, seq, 1, DIM},
            new long[] {0, 0, 0, 1});
    return Arguments.of(a.q(), k, a.v(), a.o()).lse(a.lse().orElseThrow());
  }

  private static String chosen(Attention attention, Arguments arguments) {
    return attention.explain(arguments).chosen().orElseThrow().name();
  }

  @Test
  void familiesAreAskedInTheOrderOfTheirRanks() {
    assertEquals(
        List.of("copy", "hopper", "ampere"),
        Candidates.families().stream().map(Family::name).toList());
  }

  @Test
  void aFamilyOfTheClassPathIsChosen() {
    Tensor q = device.tensor(Dtype.BF16, NdArray.floats(1, 40, 2, 8));
    Tensor k = device.tensor(Dtype.BF16, NdArray.floats(1, 9, 1, 8));
    Arguments arguments =
        Arguments.of(q, k, k, device.empty(ElementType.BF16, 1, 40, 2, 8))
            .lse(device.empty(ElementType.F32, 1, 2, 40))
            .tensor("bias", device.tensor(NdArray.floats(2)));
    try (Attention copy = attention(CopyKernel.SPEC, device, Selection.ALL)) {
      Explanation why = copy.explain(arguments);
      assertEquals("copy.1", why.chosen().orElseThrow().name());
      assertTrue(
          why.candidates().stream().map(Explanation.Verdict::name).toList().contains("ampere.1"));
      assertTrue(why.print().contains("copy.1    sm_80   chosen    any"), why.print());
      copy.launch(device.stream(), arguments);
      assertEquals(
          3, arguments.lse().orElseThrow().download().floats()[0] - 1 / Math.sqrt(8), 1e-6);
    }
  }

  @Test
  void theTableHasARowForEachCandidate() {
    Explanation why =
        new Explanation(
            List.of(
                new Explanation.Verdict(
                    "hopper.1",
                    TileCopyKernel.artifact(Manifest.Grid.PERSISTENT, new Lengths(1, 127), 64)
                        .manifest(),
                    Optional.of("k is empty"),
                    false),
                new Explanation.Verdict(
                    "hopper.2",
                    TileCopyKernel.artifact(
                            Manifest.Grid.PERSISTENT, new Lengths(128, Shape.MAX_SEQ), 64)
                        .manifest(),
                    Optional.empty(),
                    false),
                new Explanation.Verdict(
                    "ampere.1", CopyKernel.artifact().manifest(), Optional.empty(), true)),
            List.of(new Candidates.Refusal("lunar", "its kernels need a moon")));
    assertEquals(
        """
        kernel    target  takes it  queries      schedule
        hopper.1  sm_90a  no        1 to 127
            k is empty
        hopper.2  sm_90a  yes       128 or more
        ampere.1  sm_80   chosen    any
        lunar             no
            its kernels need a moon
        """,
        why.print());
    assertEquals("ampere.1", why.chosen().orElseThrow().name());
  }

  @Test
  void everyCandidateAnswers() {
    try (Attention attention = attention(CAUSAL, device, Selection.ALL)) {
      List<String> lines = attention.explain(broadcast(40)).print().lines().toList();
      Explanation why = attention.explain(broadcast(40));
      assertEquals("ampere.1", why.chosen().orElseThrow().name());
      // A line each, another for each refusal, and the head.
      long refusing =
          why.candidates().stream().filter(v -> !v.accepts()).count() + why.families().size();
      assertEquals(1 + why.candidates().size() + why.families().size() + refusing, lines.size());
      assertEquals(
          List.of("copy"), why.families().stream().map(Candidates.Refusal::family).toList());
      assertEquals(
          List.of(
              "copy              no",
              "    it copies dense batches and cannot compute plain_causal"),
          lines.subList(lines.size() - 2, lines.size()));
      assertEquals("hopper", chosen(attention, arguments(40, 1)).replaceFirst("\\..*", ""));
    }
  }

  @Test
  void aDeviceOfOneFamilySaysWhyNotTheOther() {
    try (Device ampere = Device.open("emulated");
        Attention attention = attention(CAUSAL, ampere, Selection.ALL)) {
      Tensor t = ampere.tensor(Dtype.F16, NdArray.floats(1, 4, 1, DIM));
      Arguments arguments =
          Arguments.of(t, t, t, ampere.tensor(Dtype.F16, NdArray.floats(1, 4, 1, DIM)))
              .lse(ampere.empty(ElementType.F32, 1, 1, 4));
      Explanation why = attention.explain(arguments);
      assertEquals(
          Optional.of("its kernels need sm_90a, compute capability 9.0, and these are for sm_80"),
          why.families().stream()
              .filter(f -> f.family().equals("hopper"))
              .map(Candidates.Refusal::reason)
              .findFirst());
      assertEquals(
          List.of("ampere.1"), why.candidates().stream().map(Explanation.Verdict::name).toList());
      try (Attention forced = attention(CAUSAL, ampere, Selection.only("hopper"))) {
        assertEquals(
            "'hopper' was asked for: its kernels need sm_90a, compute capability 9.0, and these"
                + " are for sm_80",
            refused(forced, ampere.stream(), arguments));
      }
    }
  }

  private static String refused(Attention attention, Stream stream, Arguments arguments) {
    LaunchException e =
        assertThrows(LaunchException.class, () -> attention.launch(stream, arguments));
    return String.valueOf(e.getMessage());
  }

  @Test
  void aKernelCanBeForced() {
    Arguments arguments = arguments(40, 1);
    for (String name : List.of("ampere", "ampere.1", "hopper.1", "hopper.2")) {
      try (Attention forced = attention(CAUSAL, device, Selection.only(name))) {
        assertTrue(chosen(forced, arguments).startsWith(name));
        forced.launch(device.stream(), arguments);
      }
    }
    try (Attention forced = attention(CAUSAL, device, Selection.only("hopper.1"))) {
      Explanation why = forced.explain(arguments);
      assertEquals(
          Optional.of("only 'hopper.1' may be taken"), why.candidates().getLast().refusal());
      assertEquals(
          "'hopper.1' was asked for: k has stride 0 along axis 1, and the tensor maps of this"
              + " kernel need one from 1 to 549755813887",
          refused(forced, device.stream(), broadcast(40)));
    }
    try (Attention forced = attention(CAUSAL, device, Selection.only("hoper"))) {
      assertTrue(
          refused(forced, device.stream(), arguments)
              .startsWith(
                  "'hoper' was asked for, but the kernels of 'plain_causal' are hopper.1,"));
    }
  }

  @Test
  void theProcessCanForceAKernel() {
    System.setProperty(Setting.KERNEL.property(), "ampere");
    try (Attention forced = Attention.of(CAUSAL, device)) {
      assertEquals("ampere.1", chosen(forced, arguments(40, 1)));
    } finally {
      System.clearProperty(Setting.KERNEL.property());
    }
    assertEquals("ATTUNE_KERNEL", Setting.KERNEL.variable());
    try (Attention free = Attention.of(CAUSAL, device)) {
      assertTrue(chosen(free, arguments(40, 1)).startsWith("hopper."));
    }
  }

  @Test
  void choicesAreLoggedOnceAndSlowOnesAreWarnedOf() {
    AttentionSpec spec = SpecText.of("attention warned { mask = q - kv < 9 }");
    Arguments broadcast = broadcast(40);
    Arguments good = arguments(40, 1);
    try (LogRecorder log = new LogRecorder()) {
      try (Attention attention = attention(spec, device, Selection.ALL)) {
        attention.launch(device.stream(), good);
        attention.launch(device.stream(), good);
        assertEquals(List.of(), log.at(Level.WARNING));
        assertEquals(1, log.at(Level.FINE).size());
        assertTrue(log.at(Level.FINE).getFirst().startsWith("'warned', q "));
        assertTrue(log.at(Level.FINE).getFirst().contains(attention.explain(good).print()));
        attention.launch(device.stream(), broadcast);
        attention.launch(device.stream(), broadcast(40));
        attention.launch(device.stream(), broadcast(41));
        assertEquals(3, log.at(Level.FINE).size());
      }
      try (Attention again = attention(spec, device, Selection.ALL)) {
        again.launch(device.stream(), broadcast);
      }
      List<String> warnings = log.at(Level.WARNING);
      assertEquals(1, warnings.size(), warnings.toString());
      assertTrue(
          warnings
              .getFirst()
              .matches(
                  "'warned' is computed by ampere.1, which is slower than hopper\\.\\d+: k has"
                      + " stride 0 along axis 1, and .*"),
          warnings.getFirst());
    }
  }

  /** Whatever a launch may look like, the last candidate takes it. */
  @Test
  void theLastCandidateTakesEverything() {
    Random random = new Random(7);
    int[] dims = {8, 64, 200};
    int byAmpere = 0;
    for (Batching batching : Batching.values()) {
      for (int dim : dims) {
        HeadDim headDim = new HeadDim(dim, dims[random.nextInt(dims.length)]);
        Candidates candidates =
            Candidates.of(
                CAUSAL,
                new Request(List.of(Target.SM_90A, Target.SM_90), Dtype.BF16, headDim, batching));
        try (Kernel kernel = device.load(CAUSAL, candidates, Selection.ALL)) {
          for (int i = 0; i < 60; i++) {
            Arguments arguments = arbitrary(random, headDim, batching);
            Explanation why = kernel.explain(arguments);
            assertTrue(why.candidates().getLast().accepts(), () -> arguments + "\n" + why.print());
            Explanation.Verdict chosen = why.chosen().orElseThrow();
            byAmpere += chosen.name().equals("ampere.1") ? 1 : 0;
            arguments.sequences().ifPresent(Sequences::close);
          }
        }
      }
    }
    assertTrue(byAmpere > 100, "" + byAmpere);
  }

  private Arguments arbitrary(Random random, HeadDim dim, Batching batching) {
    int batch = 1 + random.nextInt(3);
    int kvHeads = 1 + random.nextInt(3);
    int heads = kvHeads * (random.nextInt(9) == 0 ? 129 : 1 + random.nextInt(3));
    int seq = random.nextInt(70);
    int kvSeq = random.nextInt(5) == 0 ? 0 : random.nextInt(300);
    boolean packed = batching == Batching.PACKED;
    int of = packed ? 1 : batch;
    int queries = packed ? batch * seq : seq;
    int keys = packed ? batch * kvSeq : kvSeq;
    List<Tensor> t =
        List.of(
                odd(random, of, queries, heads, dim.qk(), true),
                odd(random, of, keys, kvHeads, dim.qk(), true),
                odd(random, of, keys, kvHeads, dim.v(), true),
                odd(random, of, queries, heads, dim.v(), false))
            .stream()
            .map(tensor -> packed ? packed(tensor) : tensor)
            .toList();
    int[] lse = packed ? new int[] {heads, queries} : new int[] {batch, heads, seq};
    Arguments a =
        Arguments.of(t.get(0), t.get(1), t.get(2), t.get(3))
            .lse(device.empty(ElementType.F32, lse));
    return switch (batching) {
      case DENSE -> a;
      case PADDED ->
          a.sequences(
              Sequences.padded(device, lengths(random, batch, seq), lengths(random, batch, kvSeq)));
      case PACKED ->
          a.sequences(Sequences.packed(device, offsets(batch, seq), offsets(batch, kvSeq)));
    };
  }

  private static int[] lengths(Random random, int batch, int most) {
    return random.ints(batch, 0, most + 1).toArray();
  }

  private static int[] offsets(int batch, int seq) {
    return IntStream.rangeClosed(0, batch).map(b -> b * seq).toArray();
  }

  /** A tensor with gaps, in another order, backwards, or (where only read) with strides of zero. */
  private Tensor odd(Random random, int batch, int seq, int heads, int dim, boolean read) {
    long width = dim + 8L * random.nextInt(3);
    long token = width * heads + 8L * random.nextInt(3);
    long[] strides = {token * Math.max(1, seq) + 8L * random.nextInt(2), token, width, 1};
    if (random.nextBoolean()) {
      strides = new long[] {strides[0] + width * heads * 8L, width, width * Math.max(1, seq), 1};
    }
    int[] shape = {batch, seq, heads, dim};
    long offset = 0;
    for (int axis = 0; axis < 3; axis++) {
      int how = random.nextInt(6);
      if (how == 0 && read) {
        strides[axis] = 0;
      } else if (how == 1) {
        offset += strides[axis] * Math.max(0, shape[axis] - 1);
        strides[axis] = -strides[axis];
      }
    }
    long bytes = 2;
    for (int axis = 0; axis < 4; axis++) {
      bytes += 2 * Math.abs(strides[axis]) * Math.max(0, shape[axis] - 1);
    }
    return Tensor.strided(device.allocate(bytes), ElementType.BF16, 2 * offset, shape, strides);
  }

  /** The same without the axis of the batch. */
  private static Tensor packed(Tensor one) {
    return Tensor.strided(
        one.buffer(),
        one.type(),
        one.offset(),
        new int[] {one.extent(1), one.extent(2), one.extent(3)},
        new long[] {one.stride(1), one.stride(2), one.stride(3)});
  }
}
