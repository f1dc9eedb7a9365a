package dev.attune.runtime;

import dev.attune.compiler.reference.Accuracy;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.reference.Problem;
import dev.attune.compiler.reference.Result;
import dev.attune.compiler.reference.RowId;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.SequenceLengths;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.compile.Candidates;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Has code compute a small problem whose answer is known, before anybody relies on it: what makes
 * machine code of PTX on a user's machine is a compiler that was never tested with this kernel.
 *
 * <p>Params have their defaults, and captured tensors what the spec admits. Some rows are compared
 * with the reference, and every row must have been written.
 */
final class SelfTest {
  private static final Logger LOG = System.getLogger("dev.attune.runtime");

  /** Positions: two tiles of keys and a part of one, whatever the schedule. */
  private static final int SEQ = 290;

  /** Positions of a residue class: a tile and a part of one. */
  private static final int CLASS = 150;

  private static final int MAX_SEQ = 4096;
  private static final int ROWS = 32;
  private static final long SEED = 1;

  /**
   * Twice and more of what correct code needs: bad code is wrong by orders of magnitude, and a
   * refusal must not be a matter of chance.
   */
  private static final Accuracy.Limits LIMITS = new Accuracy.Limits(3, 2, 4, 2, 1e-4);

  /** Gates that judge the problem and not the result: nothing is known of what exceeds a dtype. */
  private static final Set<String> OF_THE_PROBLEM = Set.of("reference_undefined", "dtype_overflow");

  private final AttentionSpec spec;
  private final Artifact artifact;
  private final Problem problem;
  private final Accuracy.Expected expected;

  /** Computes what the code of an artifact should. */
  SelfTest(AttentionSpec spec, Artifact artifact) {
    this.spec = spec;
    this.artifact = artifact;
    this.problem = problem(spec, artifact.manifest());
    this.expected = new Accuracy.Expected(problem, RowId.sample(problem.bindings(), ROWS, SEED));
  }

  /** Code that another owns. */
  private record Borrowed(Kernel.Code code) implements Kernel.Code {
    @Override
    public void launch(Stream stream, LaunchPlan plan) {
      code.launch(stream, plan);
    }

    @Override
    public byte[] encode(TensorMap map) {
      return code.encode(map);
    }

    @Override
    public void close() {
      // Closed by its owner.
    }
  }

  /**
   * What is wrong with code, in a few words; nothing if it computes what the spec says.
   *
   * @param code of the artifact, loaded on the device
   * @throws DeviceException if the device cannot run it
   */
  Optional<String> flaw(Device device, Kernel.Code code) {
    try (Kernel kernel =
            Kernel.load(
                device,
                spec,
                new Candidates(List.of(artifact)),
                Selection.ALL,
                loaded -> new Borrowed(code));
        DeviceProblem onDevice = new DeviceProblem(device, problem, kernel);
        Stream stream = device.newStream()) {
      onDevice.launch(stream);
      stream.synchronize();
      return judge(onDevice.result());
    } catch (LaunchException e) {
      LOG.log(
          Level.DEBUG, "{0} has no self-test: {1}", artifact.manifest().entry(), e.getMessage());
      return Optional.empty();
    }
  }

  private Optional<String> judge(Result result) {
    List<Accuracy.Gate> failed =
        expected.check(result, LIMITS).gates().stream().filter(gate -> !gate.passes()).toList();
    if (failed.stream().anyMatch(gate -> OF_THE_PROBLEM.contains(gate.name()))) {
      return Optional.empty();
    }
    if (!failed.isEmpty()) {
      return Optional.of(
          failed.stream().map(Accuracy.Gate::toString).collect(Collectors.joining(", ")));
    }
    return RowId.all(problem.bindings()).stream()
        .filter(row -> Float.isNaN(result.o().floats()[row.outputIndex(problem.shape())]))
        .findFirst()
        .map(row -> "NaN at b=%d h=%d q=%d".formatted(row.b(), row.h(), row.q()));
  }

  /** The problem for a kernel: two heads share a head of K and V, and sequences are ragged. */
  private static Problem problem(AttentionSpec spec, Manifest manifest) {
    boolean dense = manifest.batching() == Batching.DENSE;
    Shape shape = new Shape(dense ? 1 : 3, 4, 2, SEQ, SEQ, manifest.headDim());
    long step =
        manifest.step().map(new Eval(Inputs.bindings(spec, shape, SEED))::integer).orElse(1L);
    int seq = step > 1 ? Math.clamp(step * CLASS, SEQ, MAX_SEQ) : SEQ;
    Bindings bindings =
        Inputs.bindings(spec, new Shape(shape.batch(), 4, 2, seq, seq, manifest.headDim()), SEED);
    return Inputs.problem(
        spec,
        dense
            ? bindings
            : bindings.with(
                new SequenceLengths(List.of(SEQ - 1, 1, 65), List.of(SEQ, 33, SEQ - 65))),
        manifest.dtype(),
        Inputs.Distribution.NORMAL,
        SEED);
  }
}
