package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One attention on one device, ready for tensors of any dtype and head dimension. Its kernels are
 * made when a launch first needs them: taken from what a build made ahead, or compiled, once for
 * all attentions of this process that are the same. May be used from several threads.
 *
 * <pre>{@code
 * try (Device device = Device.open("auto");
 *     Attention attention = Attention.compile("attention mine { mask = causal }", device)) {
 *   attention.launch(device.stream(), Arguments.of(q, k, v, o).lse(lse));
 * }
 * }</pre>
 */
public final class Attention implements AutoCloseable {
  private final AttentionSpec spec;
  private final Device device;
  private final Prebuilt prebuilt;
  private final Selection selection;
  private final Compiled compiled;
  private final Lru<Variant, Kernel> kernels = new Lru<>(Integer.MAX_VALUE);
  private volatile boolean closed;

  /** What launches must have in common to share a kernel. */
  private record Variant(Dtype dtype, HeadDim headDim, Batching batching) {

    /** The variant that some arguments need, as far as Q and V say. */
    static Variant of(AttentionSpec spec, Arguments arguments) {
      Batching batching = arguments.sequences().map(Sequences::batching).orElse(Batching.DENSE);
      HeadDim headDim =
          new HeadDim(width("q", arguments.q(), batching), width("v", arguments.v(), batching));
      Variant variant = new Variant(dtype(arguments.q()), headDim, batching);
      spec.dtype()
          .filter(d -> d != variant.dtype)
          .ifPresent(
              d -> {
                throw new LaunchException(
                    "q has type %s, expected %s, which '%s' fixes"
                        .formatted(arguments.q().type(), ElementType.of(d), spec.name()));
              });
      spec.headDim()
          .filter(d -> !d.equals(headDim))
          .ifPresent(
              d -> {
                throw new LaunchException(
                    "q and v have head dim %s, expected %s, which '%s' fixes"
                        .formatted(headDim, d, spec.name()));
              });
      return variant;
    }

    private static int width(String name, Tensor tensor, Batching batching) {
      int rank = batching == Batching.PACKED ? 3 : 4;
      if (tensor.rank() != rank) {
        throw new LaunchException(
            "%s has %d dimensions, expected %d".formatted(name, tensor.rank(), rank));
      }
      return tensor.extent(rank - 1);
    }

    private static Dtype dtype(Tensor q) {
      return switch (q.type()) {
        case BF16 -> Dtype.BF16;
        case F16 -> Dtype.F16;
        case F32, I32, BOOL ->
            throw new LaunchException("q has type %s, expected bf16 or f16".formatted(q.type()));
      };
    }
  }

  Attention(
      AttentionSpec spec,
      Device device,
      Prebuilt prebuilt,
      Selection selection,
      Compiled compiled) {
    this.spec = spec;
    this.device = device;
    this.prebuilt = prebuilt;
    this.selection = selection;
    this.compiled = compiled;
  }

  /**
   * The attention that a text states, which imports nothing.
   *
   * @throws SpecException if the text has errors or does not state exactly one attention
   */
  public static Attention compile(String text, Device device) {
    return of(SpecText.of(text), device);
  }

  /**
   * The attention that a file states. It may import the files beside it.
   *
   * @throws SpecException if the file cannot be read, has errors or does not state exactly one
   *     attention
   */
  public static Attention compile(Path file, Device device) {
    return of(SpecText.of(file), device);
  }

  /** An attention whose kernels are compiled at run time. */
  public static Attention of(AttentionSpec spec, Device device) {
    return of(spec, device, Prebuilt.none());
  }

  /** An attention whose kernels are those of a build, or compiled where that made none. */
  public static Attention of(AttentionSpec spec, Device device, Prebuilt prebuilt) {
    return of(spec, device, prebuilt, Selection.ofProcess());
  }

  /**
   * An attention of which launches take some kernels only.
   *
   * @param selection takes the place of what the process is set to
   */
  public static Attention of(
      AttentionSpec spec, Device device, Prebuilt prebuilt, Selection selection) {
    return new Attention(spec, device, prebuilt, selection, Compiled.OF_PROCESS);
  }

  /** What is computed. */
  public AttentionSpec spec() {
    return spec;
  }

  /**
   * Makes the kernel for tensors of a dtype and head dimension before its first launch needs it.
   * The kernel stays this attention's, which closes it.
   *
   * @throws LaunchException if there is no such kernel
   * @throws DeviceException if the device refuses it
   */
  public Kernel prepare(Dtype dtype, HeadDim headDim, Batching batching) {
    return kernel(new Variant(dtype, headDim, batching));
  }

  /**
   * Checks the arguments and queues the kernel that is best for them, as {@link Kernel#launch}. The
   * first launch of a dtype, head dimension and batching makes its kernel, which may take seconds,
   * and which cannot be captured: see {@link #prepare(Arguments)}.
   *
   * @throws LaunchException naming the argument that must not be used so; nothing has been queued
   * @throws DeviceException if the device has failed, or it or this attention is closed
   */
  public void launch(Stream stream, Arguments arguments) {
    requirePresent("stream", stream);
    requirePresent("arguments", arguments);
    Variant variant = Variant.of(spec, arguments);
    if (!kernels.has(variant) && stream.isCapturing()) {
      throw new LaunchException(
          "'%s' has no kernel for such tensors yet, which cannot be made while a stream is captured; prepare it before"
              .formatted(spec.name()));
    }
    kernel(variant).launch(stream, arguments);
  }

  /**
   * Does all of a launch but the launch, so that launches of such arguments wait for nothing and
   * may be captured into a graph.
   *
   * @throws LaunchException as {@link #launch} does for sizes, types and values
   * @throws DeviceException if the device refuses the kernel
   */
  public void prepare(Arguments arguments) {
    requirePresent("arguments", arguments);
    kernel(Variant.of(spec, arguments)).prepare(arguments);
  }

  /** Which kernel a launch of such arguments takes, and why not another. */
  public Explanation explain(Arguments arguments) {
    return kernel(Variant.of(spec, arguments)).explain(arguments);
  }

  private static void requirePresent(String name, @Nullable Object given) {
    if (given == null) {
      throw new LaunchException(name + " is null");
    }
  }

  private Kernel kernel(Variant variant) {
    requireOpen();
    Kernel kernel = kernels.get(variant, this::load);
    if (closed) {
      // Closing may not have seen a kernel that was being made.
      kernel.close();
      requireOpen();
    }
    return kernel;
  }

  private Kernel load(Variant variant) {
    Request request =
        new Request(
            device.info().targets(), variant.dtype(), variant.headDim(), variant.batching());
    List<Artifact> built = prebuilt.artifacts(request);
    Candidates candidates =
        built.isEmpty() ? compiled.of(spec, request, device.cache()) : new Candidates(built);
    return device.load(spec, candidates, selection);
  }

  private void requireOpen() {
    if (closed) {
      throw new DeviceException("the attention '%s' is closed".formatted(spec.name()));
    }
  }

  /** Closes its kernels, once no launch needs them. */
  @Override
  public void close() {
    closed = true;
    kernels.clear(Kernel::close);
  }
}
