package dev.attune.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Explanation;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchException;
import dev.attune.runtime.Sequences;
import dev.attune.runtime.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What says where sequences lie: what the host refuses, and what the device makes of the rest. */
class SequencesTest {
  private static final AttentionSpec SPEC = Kernels.library("full");
  private static final int DIM = 16;

  private final Device device = Device.open("emulated");

  @AfterEach
  void close() {
    device.close();
  }

  private static Artifact kernel(Target target, Batching batching) {
    KernelCompiler.Options options =
        new KernelCompiler.Options(
            target,
            Dtype.BF16,
            new HeadDim(DIM, DIM),
            OptionalInt.empty(),
            Optional.empty(),
            batching);
    return Kernels.of(SPEC, options);
  }

  private Tensor zeros(int... shape) {
    return device.tensor(Dtype.BF16, NdArray.floats(shape));
  }

  private Tensor ints(int... values) {
    return device.tensor(new NdArray(new int[] {values.length}, values));
  }

  /** Q and O of so many tokens, K and V of so many, one head. */
  private Arguments packed(int queries, int keys, Sequences sequences) {
    return Arguments.of(
            zeros(queries, 1, DIM), zeros(keys, 1, DIM), ones(keys, 1, DIM), nan(queries, 1, DIM))
        .lse(device.tensor(filled(Float.NaN, 1, queries)))
        .sequences(sequences);
  }

  private Arguments padded(int batch, int queries, int keys, Sequences sequences) {
    return Arguments.of(
            zeros(batch, queries, 1, DIM),
            zeros(batch, keys, 1, DIM),
            ones(batch, keys, 1, DIM),
            nan(batch, queries, 1, DIM))
        .lse(device.tensor(filled(Float.NaN, batch, 1, queries)))
        .sequences(sequences);
  }

  private Tensor ones(int... shape) {
    return device.tensor(Dtype.BF16, filled(1, shape));
  }

  private Tensor nan(int... shape) {
    return device.tensor(Dtype.BF16, filled(Float.NaN, shape));
  }

  private static NdArray filled(float value, int... shape) {
    NdArray array = NdArray.floats(shape);
    Arrays.fill(array.floats(), value);
    return array;
  }

  private String refusal(Arguments arguments, Batching batching) {
    try (Kernel kernel = device.load(SPEC, kernel(Target.SM_80, batching))) {
      return message(() -> kernel.launch(device.stream(), arguments));
    }
  }

  private static String message(org.junit.jupiter.api.function.Executable launch) {
    return String.valueOf(assertThrows(LaunchException.class, launch).getMessage());
  }

  private static int[] a(int... values) {
    return values;
  }

  @Test
  void wrongOffsetsAreRefused() {
    assertEquals(
        "cu_seqlens_q[0] is 3, expected 0",
        message(() -> Sequences.packed(device, a(3, 5), a(0, 5))));
    assertEquals(
        "cu_seqlens_kv[2] is 4, expected at least 5, which the entry before it is",
        message(() -> Sequences.packed(device, a(0, 5, 9), a(0, 5, 4))));
    assertEquals(
        "cu_seqlens_q has no entries, expected at least one",
        message(() -> Sequences.packed(device, a(), a(0))));
    assertEquals(
        "cu_seqlens_q has 2 entries and cu_seqlens_kv 3, expected as many",
        message(() -> Sequences.packed(device, a(0, 5), a(0, 5, 9))));
    assertEquals(
        "sequence 1 has 7 queries, expected at most 6, the launch's maximum",
        message(() -> Sequences.packed(device, a(0, 5, 12), a(0, 5, 12), 6, 7)));
    assertEquals(
        "lengths_kv[1] is -1, expected at least 0",
        message(() -> Sequences.padded(device, a(0, 5), a(0, -1))));
    assertEquals(
        "cu_seqlens_q reaches token 12, but q has 11",
        refusal(
            packed(11, 12, Sequences.packed(device, a(0, 5, 12), a(0, 5, 12))), Batching.PACKED));
    assertEquals(
        "cu_seqlens_kv reaches token 12, but k has 10",
        refusal(
            packed(12, 10, Sequences.packed(device, a(0, 5, 12), a(0, 5, 12))), Batching.PACKED));
    assertEquals(
        "lengths_q reaches token 9, but q has 8",
        refusal(padded(2, 8, 8, Sequences.padded(device, a(5, 9), a(1, 1))), Batching.PADDED));
  }

  @Test
  void otherBatchesAreRefused() {
    Sequences packed = Sequences.packed(device, a(0, 5), a(0, 5));
    assertEquals(
        "the batch is packed, and this kernel is for dense batches",
        refusal(packed(5, 5, packed), Batching.DENSE));
    assertEquals(
        "the batch is packed, and this kernel is for padded batches",
        refusal(packed(5, 5, packed), Batching.PADDED));
    assertEquals(
        "q has shape [3, 8, 1, 16], expected [2, 8, 1, 16] ([B, S, H, Dqk], as q, k and the kernel"
            + " have them)",
        refusal(padded(3, 8, 8, Sequences.padded(device, a(1, 2), a(1, 1))), Batching.PADDED));
    assertEquals(
        "q has 4 dimensions, expected 3", refusal(padded(1, 5, 5, packed), Batching.PACKED));
    assertEquals(
        "cu_seqlens_q has type f32, expected i32",
        refusal(
            packed(5, 5, Sequences.packed(device.tensor(NdArray.floats(2)), ints(0, 5), 5, 5)),
            Batching.PACKED));
    assertEquals(
        "cu_seqlens_q and cu_seqlens_kv have 2 and 3 entries, expected as many",
        refusal(packed(5, 5, Sequences.packed(ints(0, 5), ints(0, 5, 5), 5, 5)), Batching.PACKED));
  }

  /** Numbers that only the device knows: the emulator reports every access outside a tensor. */
  @ParameterizedTest
  @EnumSource(
      value = Target.class,
      names = {"SM_80", "SM_90A"})
  void wrongNumbersStayInsideTheTensors(Target target) {
    int[][] wrong = {
      {-7, 100, 90, 1000, 1000},
      {Integer.MIN_VALUE, Integer.MAX_VALUE, 0, 0, 0},
      {150, Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 3},
      {0, 130, 20, 20, Integer.MAX_VALUE},
      {0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0, 70},
    };
    for (int[] queries : wrong) {
      for (int[] keys : wrong) {
        packedClamped(target, queries, keys);
        paddedClamped(target, queries, keys);
      }
    }
  }

  /** Tokens before the first and after the last are of no sequence. */
  private void packedClamped(Target target, int[] queries, int[] keys) {
    int tokens = 140;
    int most = 70;
    int count = queries.length - 1;
    boolean[] covered = new boolean[tokens];
    for (int b = 0; b < count; b++) {
      int first = Math.clamp(queries[b], 0, tokens);
      int end = Math.min(Math.clamp(queries[b + 1], first, tokens), first + most);
      if (IntStream.range(first, end).anyMatch(t -> covered[t])) {
        return; // Sequences that overlap write the same rows: a race, but inside.
      }
      Arrays.fill(covered, first, end, true);
    }
    Sequences sequences = Sequences.packed(ints(queries), ints(keys), most, most);
    Arguments arguments = packed(tokens, 90, sequences);
    launch(target, Batching.PACKED, arguments);
    float[] o = arguments.o().download().floats();
    for (int t = 0; t < tokens; t++) {
      assertEquals(covered[t], !Float.isNaN(o[t * DIM]), "token " + t);
    }
  }

  private void paddedClamped(Target target, int[] queries, int[] keys) {
    int most = 70;
    Sequences sequences = Sequences.padded(ints(queries), ints(keys));
    Arguments arguments = padded(queries.length, most, 40, sequences);
    launch(target, Batching.PADDED, arguments);
    float[] o = arguments.o().download().floats();
    for (int b = 0; b < queries.length; b++) {
      for (int q = 0; q < most; q++) {
        assertEquals(q < Math.clamp(queries[b], 0, most), !Float.isNaN(o[(b * most + q) * DIM]));
      }
    }
  }

  private void launch(Target target, Batching batching, Arguments arguments) {
    try (Kernel kernel = device.load(SPEC, kernel(target, batching))) {
      kernel.launch(device.stream(), arguments);
      device.synchronize();
    }
  }

  /** A tail that is of no sequence, and maxima larger than every sequence. */
  @Test
  void tokensAfterTheLastSequenceAreLeftAlone() {
    for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
      try (Sequences sequences = Sequences.packed(device, a(0, 3, 3, 80), a(0, 9, 9, 12), 100, 9)) {
        Arguments arguments = packed(90, 20, sequences);
        launch(target, Batching.PACKED, arguments);
        float[] o = arguments.o().download().floats();
        float[] lse = arguments.lse().orElseThrow().download().floats();
        for (int t = 0; t < 90; t++) {
          assertEquals(t < 80, o[t * DIM] == 1, "token " + t);
          float expected = (float) Math.log(t < 3 ? 9 : 3);
          assertTrue(t < 80 ? Math.abs(lse[t] - expected) < 1e-6 : Float.isNaN(lse[t]));
        }
      }
    }
  }

  /** A batch whose elements are no whole number of tokens apart is for the Ampere family. */
  @Test
  void unevenBatchesHaveNoTensorMap() {
    Sequences sequences = Sequences.padded(device, a(3, 8), a(8, 8));
    Arguments even = padded(2, 8, 8, sequences);
    Tensor room = zeros(1, 3 * 8 * DIM);
    Tensor q =
        Tensor.strided(
            room.buffer(), ElementType.BF16, 0, a(2, 8, 1, DIM), new long[] {136, DIM, DIM, 1});
    Arguments uneven =
        Arguments.of(q, even.k(), even.v(), even.o())
            .lse(even.lse().orElseThrow())
            .sequences(sequences);
    try (Kernel kernel =
        device.load(
            SPEC,
            List.of(
                kernel(Target.SM_90A, Batching.PADDED), kernel(Target.SM_80, Batching.PADDED)))) {
      assertTrue(kernel.explain(even).candidates().getFirst().chosen());
      List<Explanation.Verdict> verdicts = kernel.explain(uneven).candidates();
      assertEquals(
          "q has strides 136 along its batch and 16 along its tokens, and the tensor maps of this"
              + " kernel need a multiple, and fewer than 2^31 tokens from the first to the last",
          verdicts.getFirst().refusal().orElseThrow());
      assertTrue(verdicts.getLast().chosen());
    }
  }
}
