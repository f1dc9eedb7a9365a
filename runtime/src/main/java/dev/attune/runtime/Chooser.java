package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Candidates;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Chooses among the candidates of a kernel: the first that accepts the arguments and is meant for
 * their query length, or that of their residue classes if its items are of such, or else the first
 * that accepts them; but one in whose items the query heads of a group share a tile only where its
 * items have fewer rows in all than those of the candidate that would otherwise be taken.
 *
 * @param candidates best first
 * @param families without a candidate
 * @param multiprocessors of the device
 */
record Chooser(
    AttentionSpec spec,
    List<Candidate> candidates,
    List<Candidates.Refusal> families,
    Selection selection,
    int multiprocessors) {
  private static final System.Logger LOG = System.getLogger("dev.attune.runtime");

  /** Warnings of this process that are remembered, so that none is repeated. */
  private static final Lru<String, Boolean> WARNED = new Lru<>(1024);

  /** A candidate by its name in tables. */
  record Candidate(String name, Manifest manifest) {

    /** What does not differ between the candidates of a family but for their tiles. */
    private Kind kind() {
      return new Kind(manifest.family(), manifest.packed(), manifest.step().isPresent());
    }
  }

  private record Kind(String family, boolean packed, boolean classes) {}

  /** A candidate's answer: its layout, or why it has none. */
  private record Answer(Candidate candidate, Optional<LaunchLayout> layout, String refusal) {}

  /**
   * What a launch takes.
   *
   * @param index of the candidate
   */
  record Choice(int index, Candidate candidate, LaunchLayout layout) {
    Manifest manifest() {
      return candidate.manifest();
    }

    /** Rows of all items; a group of one head has nothing to pack. */
    long rows() {
      boolean nothing = manifest().packed() && layout.shape().group() == 1;
      return nothing ? Long.MAX_VALUE : manifest().rows(layout.shape());
    }

    boolean suits() {
      return manifest().queries().contains(layout.queries());
    }
  }

  Chooser {
    candidates = List.copyOf(candidates);
    families = List.copyOf(families);
  }

  /** A chooser among kernels, which are named by their family and a number in it. */
  static Chooser of(
      AttentionSpec spec,
      List<Manifest> manifests,
      List<Candidates.Refusal> families,
      Selection selection,
      int multiprocessors) {
    Map<String, Integer> count = new LinkedHashMap<>();
    List<Candidate> candidates = new ArrayList<>();
    for (Manifest m : manifests) {
      String family = m.family().isEmpty() ? "kernel" : m.family();
      candidates.add(new Candidate(family + "." + count.merge(family, 1, Integer::sum), m));
    }
    return new Chooser(spec, candidates, families, selection, multiprocessors);
  }

  /**
   * The choice for arguments, told to the log.
   *
   * @throws LaunchException if none accepts them
   */
  Choice choose(Arguments arguments) {
    List<Answer> answers = answers(arguments);
    Choice choice = choose(answers).orElseThrow(() -> refused(answers));
    if (LOG.isLoggable(Level.DEBUG)) {
      LOG.log(
          Level.DEBUG,
          "'%s', q %s, k %s:%n%s"
              .formatted(
                  spec.name(),
                  arguments.q(),
                  arguments.k(),
                  explain(answers, Optional.of(choice)).print()));
    }
    if (selection.name().isEmpty()) {
      warn(answers, choice);
    }
    return choice;
  }

  /** What every candidate says to arguments. */
  Explanation explain(Arguments arguments) {
    List<Answer> answers = answers(arguments);
    return explain(answers, choose(answers));
  }

  private Explanation explain(List<Answer> answers, Optional<Choice> choice) {
    return new Explanation(
        answers.stream()
            .map(
                a ->
                    new Explanation.Verdict(
                        a.candidate().name(),
                        a.candidate().manifest(),
                        a.layout().isPresent() ? Optional.empty() : Optional.of(a.refusal()),
                        choice.filter(c -> c.candidate().equals(a.candidate())).isPresent()))
            .toList(),
        families);
  }

  private boolean admits(Candidate candidate) {
    return selection.admits(candidate.name(), candidate.manifest().family());
  }

  private List<Answer> answers(Arguments arguments) {
    return candidates.stream().map(candidate -> answer(candidate, arguments)).toList();
  }

  private Answer answer(Candidate candidate, Arguments arguments) {
    if (!admits(candidate)) {
      return new Answer(
          candidate,
          Optional.empty(),
          "only '%s' may be taken".formatted(selection.name().orElseThrow()));
    }
    try {
      LaunchCheck check = new LaunchCheck(spec, candidate.manifest(), arguments, multiprocessors);
      return new Answer(candidate, Optional.of(check.layout()), "");
    } catch (LaunchException e) {
      return new Answer(candidate, Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  private static Optional<Choice> choose(List<Answer> answers) {
    List<Choice> accepting =
        IntStream.range(0, answers.size())
            .boxed()
            .flatMap(
                i ->
                    answers.get(i).layout().stream()
                        .map(layout -> new Choice(i, answers.get(i).candidate(), layout)))
            .toList();
    return best(accepting.stream().filter(Choice::suits).toList()).or(() -> best(accepting));
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

  private LaunchException refused(List<Answer> answers) {
    List<Answer> asked = answers.stream().filter(a -> admits(a.candidate())).toList();
    if (asked.isEmpty()) {
      return new LaunchException(nothing(selection.name().orElse("")));
    }
    String first = asked.getFirst().refusal();
    if (asked.stream().allMatch(a -> a.refusal().equals(first))) {
      return new LaunchException(
          selection.name().map(name -> "'%s' was asked for: ".formatted(name)).orElse("") + first);
    }
    return new LaunchException(
        asked.stream()
            .map(
                a ->
                    "%s for %s: %s"
                        .formatted(
                            a.candidate().name(),
                            a.candidate().manifest().target().ptxName(),
                            a.refusal()))
            .collect(Collectors.joining("; ", "no candidate takes the arguments: ", "")));
  }

  /** Why there is no candidate of a name. */
  private String nothing(String name) {
    String names = candidates.stream().map(Candidate::name).collect(Collectors.joining(", "));
    return families.stream()
        .filter(f -> f.family().equals(name))
        .findFirst()
        .map(f -> "'%s' was asked for: %s".formatted(name, f.reason()))
        .orElseGet(
            () ->
                "'%s' was asked for, but the kernels of '%s' are %s"
                    .formatted(name, spec.name(), names));
  }

  /**
   * Warns, once in a process, of every kind of kernel that stands before the one chosen, and might
   * have been chosen if it did not refuse.
   */
  private void warn(List<Answer> answers, Choice choice) {
    Map<Kind, Answer> refusing = new LinkedHashMap<>();
    for (Answer a : answers.subList(0, choice.index())) {
      Manifest m = a.candidate().manifest();
      if (a.layout().isEmpty()
          && (m.step().isPresent() || m.queries().contains(choice.layout().queries()))) {
        refusing.putIfAbsent(a.candidate().kind(), a);
      }
    }
    answers.stream()
        .filter(a -> a.layout().isPresent())
        .forEach(a -> refusing.remove(a.candidate().kind()));
    for (Answer a : refusing.values()) {
      String warning =
          "'%s' is computed by %s, which is slower than %s: %s"
              .formatted(spec.name(), choice.candidate().name(), a.candidate().name(), a.refusal());
      WARNED.get(
          spec.name() + ": " + a.refusal(),
          key -> {
            LOG.log(Level.WARNING, warning);
            return true;
          });
    }
  }
}
