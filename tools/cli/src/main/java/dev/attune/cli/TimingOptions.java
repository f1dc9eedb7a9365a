package dev.attune.cli;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cuda.CudaDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what is timed, and how. */
final class TimingOptions {
  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "cuda",
      description = "cuda; the emulated device has no times worth knowing.")
  private RunCommand.Choice device = RunCommand.Choice.CUDA;

  @Option(
      names = "--dtype",
      paramLabel = "DTYPE",
      description = "bf16 or f16, where the spec leaves it open; bf16 unless given.")
  private @Nullable String dtype;

  @Option(
      names = "--head-dim",
      paramLabel = "D[,DV]",
      description = "Width of a query or key, and of a value; may be given several times.")
  private List<String> headDims = List.of();

  @Option(
      names = "--lengths",
      paramLabel = "S",
      split = ",",
      defaultValue = "1024,4096,16384",
      description = "Lengths of queries and keys; 1024,4096,16384 unless given.")
  private List<Integer> lengths = List.of();

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "16384",
      description = "Batch size times length; 16384 unless given.")
  private int tokens;

  @Option(
      names = "--heads",
      paramLabel = "HQ",
      description = "Query heads; 2048 / DV unless given.")
  private @Nullable Integer heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "HKV",
      description = "Key and value heads, dividing the query heads; as many unless given.")
  private @Nullable Integer kvHeads;

  @Option(
      names = "--param",
      paramLabel = "NAME=VALUE",
      description = "Value of a declared param, for the specs that declare it.")
  private List<String> params = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "9",
      description = "Shuffled rounds of measurements; 9 unless given.")
  private int rounds;

  @Option(
      names = "--milliseconds",
      paramLabel = "X",
      defaultValue = "20",
      description = "About how long one measurement takes; 20 unless given.")
  private double milliseconds;

  /** Hidden size that gives the number of heads. */
  private static final int HIDDEN = 2048;

  /**
   * Opens the CUDA device.
   *
   * @param cache keeps machine code
   * @throws CliException for the emulated device
   */
  Device open(DiskCache cache) {
    if (device == RunCommand.Choice.EMULATED) {
      throw new CliException(
          "the emulated device tells results, not times, expected --device cuda");
    }
    return CudaDevice.open(cache);
  }

  /** Refuses numbers that mean nothing. */
  void require() {
    if (rounds < 1 || tokens < 1 || !(milliseconds > 0) || lengths.isEmpty()) {
      throw new UsageException("--rounds, --tokens, --milliseconds and --lengths must be positive");
    }
    headDims.forEach(KernelOptions::parseHeadDim);
    for (int length : lengths) {
      if (length < 1 || length > Shape.MAX_SEQ) {
        throw new UsageException(
            "--lengths has %d, expected 1 to %d".formatted(length, Shape.MAX_SEQ));
      }
    }
  }

  List<Integer> lengths() {
    return lengths.stream().distinct().sorted().toList();
  }

  int rounds() {
    return rounds;
  }

  double milliseconds() {
    return milliseconds;
  }

  /** The dtype of a spec, or as asked for. */
  Dtype dtype(AttentionSpec spec) {
    return KernelOptions.dtype(spec, dtype);
  }

  /** The widths asked for, or those of the spec, or else 64, 128 and 256. */
  List<HeadDim> headDims(AttentionSpec spec) {
    if (!headDims.isEmpty()) {
      List<HeadDim> asked = headDims.stream().map(KernelOptions::parseHeadDim).distinct().toList();
      asked.forEach(a -> KernelOptions.requireHeadDim(spec, a, "--head-dim says " + a));
      return asked;
    }
    return spec.headDim()
        .map(List::of)
        .orElseGet(
            () ->
                Arrays.stream(new int[] {64, 128, 256}).mapToObj(d -> new HeadDim(d, d)).toList());
  }

  /** The problem at a length. */
  Shape shape(HeadDim dim, int length) {
    int hq = Optional.ofNullable(heads).orElse(Math.max(1, HIDDEN / Math.max(1, dim.v())));
    int hkv = Optional.ofNullable(kvHeads).orElse(hq);
    try {
      return new Shape(Math.max(1, tokens / length), hq, hkv, length, length, dim);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  /** The values of params by name, as text, of those that a spec declares. */
  Map<String, String> params(AttentionSpec spec) {
    Map<String, String> given = new LinkedHashMap<>();
    for (String text : params) {
      int equals = text.indexOf('=');
      if (equals < 1) {
        throw new UsageException(
            "--param is '%s', expected name=value such as window=512".formatted(text));
      }
      String name = text.substring(0, equals);
      if (spec.params().stream().anyMatch(p -> p.name().equals(name))) {
        given.put(name, text.substring(equals + 1));
      }
    }
    return given;
  }

  /** What is measured, on one line. */
  String print(Device opened) {
    DeviceInfo info = opened.info();
    List<String> parts = new ArrayList<>();
    parts.add("%s, driver for CUDA %s".formatted(info.name(), info.driver()));
    parts.add(tokens + " tokens");
    parts.add("median of " + rounds + " shuffled rounds");
    return String.join("; ", parts);
  }
}
