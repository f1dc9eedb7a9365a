package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A compiled attention on a device, ready to launch. May be launched from several threads.
 *
 * <p>A kernel has one or more candidates: artifacts of the same spec, best first. A launch takes
 * the first that accepts its arguments and is meant for their query length, or that of their
 * residue classes if its items are of such, or else the first that accepts them; but one in whose
 * items the query heads of a group share a tile only where its items have fewer rows in all than
 * those of the candidate that would otherwise be taken.
 */
public final class Kernel implements AutoCloseable {
  /** Signatures of arguments whose candidate and layout are remembered. */
  private static final int LAYOUTS = 64;

  /** Encoded tensor maps that are remembered. */
  private static final int TENSOR_MAPS = 512;

  private final Device device;
  private final AttentionSpec spec;
  private final List<Candidate> candidates;
  private final WorkCounters counters;
  private final Lru<Signature, Choice> choices = new Lru<>(LAYOUTS);
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

  /**
   * Whether a candidate takes some arguments.
   *
   * @param refusal one sentence why not; absent if it takes them
   * @param chosen whether it is the one that a launch takes
   */
  public record Verdict(Manifest manifest, Optional<String> refusal, boolean chosen) {

    /** Whether the candidate takes the arguments. */
    public boolean accepts() {
      return refusal.isEmpty();
    }
  }

  /** An artifact whose code is loaded when it is first needed: most are not. */
  private static final class Candidate {
    private final Artifact artifact;
    private final Function<Artifact, ? extends Code> load;
    private @Nullable Code code;
    private boolean closed;

    Candidate(Artifact artifact, Function<Artifact, ? extends Code> load) {
      this.artifact = artifact;
      this.load = load;
    }

    Manifest manifest() {
      return artifact.manifest();
    }

    synchronized Code code() {
      if (closed) {
        throw new DeviceException("the kernel is closed");
      }
      if (code == null) {
        code = load.apply(artifact);
      }
      return code;
    }

    synchronized void close() {
      closed = true;
      if (code != null) {
        code.close();
        code = null;
      }
    }
  }

  /** A candidate's answer: its layout, or why it has none. */
  private record Answer(Candidate candidate, Optional<LaunchLayout> layout, String refusal) {}

  private record Choice(Candidate candidate, LaunchLayout layout) {
    Manifest manifest() {
      return candidate.manifest();
    }

    /** Rows of all items; a group of one head has nothing to pack. */
    long rows() {
      boolean nothing = manifest().packed() && layout.shape().group() == 1;
      return nothing ? Long.MAX_VALUE : manifest().rows(layout.shape());
    }
  }

  private Kernel(Device device, AttentionSpec spec, List<Candidate> candidates) {
    this.device = device;
    this.spec = spec;
    this.candidates = List.copyOf(candidates);
    this.counters = new WorkCounters(device);
    if (candidates.stream().anyMatch(c -> counts(c.manifest()))) {
      counters.address(device.stream());
    }
  }

  /**
   * Joins artifacts of a spec with their code on a device.
   *
   * @param artifacts best first, at least one
   * @param load loads the code of one artifact: at once if it is the only one, else when a launch
   *     first needs it
   * @throws LaunchException if a manifest and the spec do not belong together
   */
  public static Kernel load(
      Device device,
      AttentionSpec spec,
      List<Artifact> artifacts,
      Function<Artifact, ? extends Code> load) {
    if (artifacts.isEmpty()) {
      throw new LaunchException(
          "there is no artifact of '%s', expected at least one".formatted(spec.name()));
    }
    artifacts.forEach(artifact -> ManifestCheck.require(spec, artifact.manifest()));
    List<Candidate> candidates =
        artifacts.stream().map(artifact -> new Candidate(artifact, load)).toList();
    if (candidates.size() == 1) {
      candidates.getFirst().code();
    }
    return new Kernel(device, spec, candidates);
  }

  public AttentionSpec spec() {
    return spec;
  }

  /** What the candidates are, best first. */
  public List<Manifest> manifests() {
    return candidates.stream().map(Candidate::manifest).toList();
  }

  /**
   * What every candidate says to arguments, best first. Says nothing about where the tensors lie,
   * which is the same for all.
   */
  public List<Verdict> explain(Arguments arguments) {
    List<Answer> answers = answers(arguments);
    Optional<Candidate> chosen = choose(answers).map(Choice::candidate);
    return answers.stream()
        .map(
            a ->
                new Verdict(
                    a.candidate().manifest(),
                    a.layout().isPresent() ? Optional.empty() : Optional.of(a.refusal()),
                    chosen.filter(a.candidate()::equals).isPresent()))
        .toList();
  }

  /**
   * Checks the arguments and queues the first candidate that accepts them. Waits for nothing and
   * allocates nothing on the device, but for 8 bytes at the first launch on a stream other than the
   * device's own of a kernel that counts its work; a launch without rows does nothing.
   *
   * @throws LaunchException naming the argument that must not be used so; nothing has been queued
   * @throws DeviceException if the device has failed
   */
  public void launch(Stream stream, Arguments arguments) {
    if (!stream.device().equals(device)) {
      throw new LaunchException("the stream belongs to another device than the kernel");
    }
    List<Tensor> tensors = Signature.tensors(spec, arguments);
    Choice choice =
        choices.get(Signature.of(spec, arguments, tensors), signature -> choose(arguments));
    Code code = choice.candidate().code();
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

  private List<Answer> answers(Arguments arguments) {
    int multiprocessors = device.info().multiprocessors();
    return candidates.stream()
        .map(
            candidate -> {
              try {
                LaunchCheck check =
                    new LaunchCheck(spec, candidate.manifest(), arguments, multiprocessors);
                return new Answer(candidate, Optional.of(check.layout()), "");
              } catch (LaunchException e) {
                return new Answer(candidate, Optional.empty(), String.valueOf(e.getMessage()));
              }
            })
        .toList();
  }

  private Choice choose(Arguments arguments) {
    List<Answer> answers = answers(arguments);
    return choose(answers).orElseThrow(() -> refused(answers));
  }

  private static Optional<Choice> choose(List<Answer> answers) {
    List<Choice> accepting =
        answers.stream()
            .flatMap(a -> a.layout().map(layout -> new Choice(a.candidate(), layout)).stream())
            .toList();
    return best(accepting.stream()
            .filter(c -> c.manifest().queries().contains(c.layout().queries()))
            .toList())
        .or(() -> best(accepting));
  }

  /** The first that is not packed, or a packed one before it whose items have fewer rows. */
  private static Optional<Choice> best(List<Choice> choices) {
    Optional<Choice> best = Optional.empty();
    for (Choice c : choices) {
      if (best.isEmpty() || c.rows() <= best.get().rows()) {
        best = Optional.of(c);
      }
      if (!c.manifest().packed()) {
        break;
      }
    }
    return best;
  }

  private static LaunchException refused(List<Answer> answers) {
    String first = answers.getFirst().refusal();
    if (answers.stream().allMatch(a -> a.refusal().equals(first))) {
      return new LaunchException(first);
    }
    return new LaunchException(
        answers.stream()
            .map(
                a ->
                    "%s for %s: %s"
                        .formatted(
                            a.candidate().manifest().entry(),
                            a.candidate().manifest().target().ptxName(),
                            a.refusal()))
            .collect(Collectors.joining("; ", "no candidate takes the arguments: ", "")));
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
