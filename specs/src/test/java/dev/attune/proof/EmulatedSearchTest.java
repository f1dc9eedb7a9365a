package dev.attune.proof;

import static dev.attune.proof.Trial.shape;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.analysis.TestedTiles;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.runtime.Device;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * So many keys that kernels search sorted tensors for the range that they test, on the emulator.
 */
class EmulatedSearchTest {
  /** More than {@link TestedTiles#NEAR} tiles of at most 128 keys. */
  private static final int KEYS = 128 * TestedTiles.NEAR + 300;

  private static final List<AttentionSpec> SPECS =
      List.of(
          Kernels.spec(
              "tensor doc : int[Skv] where nondecreasing and in 0..40",
              "mask = doc[q + 5000] == doc[kv]"),
          Kernels.spec(
              "tensor doc : int[B, Skv] where nondecreasing and in -5..90",
              "mask = doc[b, q + Skv - Sq] == doc[b, kv] and kv <= q + (Skv - Sq)"),
          Kernels.spec(
              "tensor doc : int[Skv] where nondecreasing",
              "mask = doc[Skv - 600 - q] == doc[kv] or doc[kv + 7] >= doc[Skv - q]"),
          Kernels.spec(
              "tensor doc : int[Skv] where nondecreasing and in 0..50",
              "tensor part : int[Sq] where nondecreasing and in 20..21",
              "mask = part[q] - 1 < doc[kv] and doc[kv] <= part[q] and (kv - q) % 3 == 0"));

  private static Optional<String> failure(int i) {
    AttentionSpec spec = SPECS.get(i % SPECS.size());
    assertTrue(
        KvTiles.of(spec, 64, 64).tested().flatMap(TestedTiles::searched).isPresent(),
        "a range that is searched for");
    Plan family = i / SPECS.size() % 2 == 0 ? Plan.AMPERE : Plan.HOPPER;
    Batching batching = List.of(Batching.values()).get(i / (2 * SPECS.size()));
    Dtype dtype = List.of(Dtype.values()).get(i % 2);
    try (Device device = EmulatedDevice.open()) {
      return Trial.of(spec, dtype, shape(1, 2, 1, 40, KEYS, 16))
          .failure(device, family.in(batching));
    }
  }

  @Test
  void longSequences() {
    int trials = 2 * SPECS.size() * Batching.values().length;
    List<String> failures = new ArrayList<>();
    IntStream.range(0, trials)
        .parallel()
        .mapToObj(EmulatedSearchTest::failure)
        .flatMap(Optional::stream)
        .forEachOrdered(failures::add);
    assertEquals(List.of(), failures);
  }
}
