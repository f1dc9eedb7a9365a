package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.compile.Candidates;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A compiled attention on a device, ready to launch. May be launched from several threads.
 *
 * <p>A kernel has one or more candidates: artifacts of the same spec, best first. {@link #explain}
 * says which of them a launch takes, and why not another.
 */
public final class Kernel implements AutoCloseable {
  /** Signatures of arguments whose candidate and layout are remembered. */
  private static final int LAYOUTS = 64;

  /** Encoded tensor maps that are remembered. */
  private static final int TENSOR_MAPS = 512;

  private final Device device;
  private final AttentionSpec spec;
  private final List<Candidate> candidates;
  private final Chooser chooser;
  private final WorkCounters counters;
  private final Lru<Signature, Chooser.Choice> choices = new Lru<>(LAYOUTS);
  private final Lru<TensorMap, byte[]> tensorMaps = new Lru<>(TENSOR_MAPS);

  /** Code on a device: what a device implements for {@link Kernel}. */
  public interface Code {
    /** Queues a launch that has been checked and is not empty. */
    void launch(Stream stream, LaunchPlan plan);

    /** The {@link TensorMap#BYTES} bytes of a tensor map, as parameters of this code have it. */
    byte[] encode(TensorMap map);

    /** Unloads the code once no launch needs it. */
    void close();
  }

  /** An artifact whose code is loaded when it is first needed: most are not. */
  private static final class Candidate {
    private final Artifact artifact;
    private final Function<Artifact, ? extends Code> load;
    private volatile @Nullable Code code;
    private boolean closed;

    Candidate(Artifact artifact, Function<Artifact, ? extends Code> load) {
      this.artifact = artifact;
      this.load = load;
    }

    Manifest manifest() {
      return artifact.manifest();
    }

    Code code() {
      Code loaded = code;
      return loaded != null ? loaded : load();
    }

    /** The code for a launch on a stream. */
    Code code(Stream stream) {
      Code loaded = code;
      if (loaded == null && stream.isCapturing()) {
        throw new LaunchException(
            "kernel %s is not loaded yet, which cannot be done while a stream is captured; prepare it before"
                .formatted(manifest().entry()));
      }
      return loaded != null ? loaded : load();
    }

    private synchronized Code load() {
      if (closed) {
        throw new DeviceException("the kernel is closed");
      }
      Code loaded = code;
      if (loaded == null) {
        loaded = load.apply(artifact);
        code = loaded;
      }
      return loaded;
    }

    synchronized void close() {
      closed = true;
      Code loaded = code;
      if (loaded != null) {
        loaded.close();
        code = null;
      }
    }
  }

  private Kernel(Device device, AttentionSpec spec, List<Candidate> candidates, Chooser chooser) {
    this.device = device;
    this.spec = spec;
    this.candidates = List.copyOf(candidates);
    this.chooser = chooser;
    this.counters = new WorkCounters(device);
    reserveCounters();
  }

  /**
   * Joins artifacts of a spec with their code on a device.
   *
   * @param selection which candidates launches may take
   * @param load loads the code of one artifact: at once if it is the only one, else when a launch
   *     first needs it
   * @throws LaunchException if there is no artifact, with the families' reasons, or a manifest and
   *     the spec do not belong together
   */
  public static Kernel load(
      Device device,
      AttentionSpec spec,
      Candidates candidates,
      Selection selection,
      Function<Artifact, ? extends Code> load) {
    if (candidates.artifacts().isEmpty()) {
      throw new LaunchException(
          candidates.refusals().isEmpty()
              ? "there is no artifact of '%s', expected at least one".formatted(spec.name())
              : candidates.refusal());
    }
    List<Manifest> manifests = candidates.artifacts().stream().map(Artifact::manifest).toList();
    manifests.forEach(manifest -> ManifestCheck.require(spec, manifest));
    List<Candidate> loaders =
        candidates.artifacts().stream().map(artifact -> new Candidate(artifact, load)).toList();
    if (loaders.size() == 1) {
      loaders.getFirst().code();
    }
    int multiprocessors = device.info().multiprocessors();
    return new Kernel(
        device,
        spec,
        loaders,
        Chooser.of(spec, manifests, candidates.refusals(), selection, multiprocessors));
  }

  public AttentionSpec spec() {
    return spec;
  }

  /** What the candidates are, best first. */
  public List<Manifest> manifests() {
    return candidates.stream().map(Candidate::manifest).toList();
  }

  /**
   * What every candidate says to arguments. Says nothing about where the tensors lie, which is the
   * same for all.
   */
  public Explanation explain(Arguments arguments) {
    return chooser.explain(arguments);
  }

  /** Loads every candidate, so that any launch may be captured. */
  public void prepare() {
    candidates.forEach(Candidate::code);
    reserveCounters();
  }

  /**
   * Loads the candidate that a launch of these arguments takes, so that the launch may be captured.
   *
   * @throws LaunchException as {@link #launch} does for sizes, types and values
   */
  public void prepare(Arguments arguments) {
    List<Tensor> tensors = Signature.tensors(spec, arguments);
    candidates.get(choice(arguments, tensors).index()).code();
    reserveCounters();
  }

  private void reserveCounters() {
    if (candidates.stream().anyMatch(c -> counts(c.manifest()))) {
      counters.reserve();
    }
  }

  /**
   * Checks the arguments and queues the candidate that is best for them. Waits for nothing and
   * allocates nothing on the device, unless the candidate is not loaded yet; a launch without rows
   * does nothing. It may be captured into a graph if the candidate is loaded, and a graph may be
   * replayed any number of times, one replay at a time, until the kernel is closed.
   *
   * @throws LaunchException naming the argument that must not be used so; nothing has been queued
   * @throws DeviceException if the device has failed
   */
  public void launch(Stream stream, Arguments arguments) {
    if (!stream.device().equals(device)) {
      throw new LaunchException("the stream belongs to another device than the kernel");
    }
    List<Tensor> tensors = Signature.tensors(spec, arguments);
    Chooser.Choice choice = choice(arguments, tensors);
    Code code = candidates.get(choice.index()).code(stream);
    LaunchPlan plan =
        choice
            .layout()
            .bind(
                device,
                tensors,
                arguments.sequences(),
                map -> tensorMaps.get(map, code::encode),
                () -> counters.address(stream));
    if (plan.isEmpty()) {
      return;
    }
    try {
      code.launch(stream, plan);
    } catch (DeviceException e) {
      // A launch that broke off may have left its counter anywhere.
      counters.forget(stream);
      throw e;
    }
  }

  private Chooser.Choice choice(Arguments arguments, List<Tensor> tensors) {
    return choices.get(
        Signature.of(spec, arguments, tensors), signature -> chooser.choose(arguments));
  }

  private static boolean counts(Manifest manifest) {
    return manifest.parameters().stream().anyMatch(p -> p.role() instanceof Parameter.Role.Counter);
  }

  @Override
  public void close() {
    candidates.forEach(Candidate::close);
    counters.close();
  }
}
