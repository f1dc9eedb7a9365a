package dev.attune.compiler.pass;

import dev.attune.compiler.random.Case;
import dev.attune.compiler.random.Exactness;
import dev.attune.compiler.reference.Inputs.Distribution;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.TileKernel;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kernels of the Hopper pipeline where tiles, rows or keys run out. */
final class HopperEdgeCasesTest {
  private static final HeadDim DIM = new HeadDim(8, 8);

  private static final List<Schedule.Hopper> SCHEDULES =
      List.of(
          new Schedule.Hopper(32, 2, 1, true, Output.OWN, true, true, false, 8, "test"),
          new Schedule.Hopper(16, 3, 2, false, Output.QUERY, false, true, false, 8, "test"),
          new Schedule.Hopper(48, 1, 3, false, Output.OWN, true, false, false, 0, "test"),
          new Schedule.Hopper(32, 2, 2, false, Output.DIRECT, false, true, false, 8, "test").pack(),
          new Schedule.Hopper(48, 1, 1, true, Output.DIRECT, true, true, false, 8, "test").pack());

  // Sq and Skv: none, less than a tile, a multiple of tiles, one more, queries before any key.
  private static final List<List<Integer>> SEQUENCES =
      List.of(
          List.of(3, 0),
          List.of(0, 3),
          List.of(1, 1),
          List.of(70, 9),
          List.of(65, 96),
          List.of(130, 97),
          List.of(200, 130));

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "full          | mask = true",
        "causal        | mask = causal",
        "bottom right  | mask = causal_bottom_right",
        "window        | param n : int = 40 where n >= 1; mask = sliding_window(n)",
        "both sides    | mask = q - 20 <= kv <= q + 70",
        "after         | mask = kv > q",
        "never         | param n : int = 0; mask = kv < n and kv > n",
        "one key       | mask = kv == 40",
        "unsolved      | mask = (q + kv) % 3 == 0",
        "chunks        | mask = chunk(24)",
        "either        | mask = kv < 10 or kv >= q",
        "rows          | mask = q >= 66",
        "sink          | sink = -1.5; mask = sliding_window(40)",
        "bounded       | score = softcap(score * scale, 5.0); mask = causal",
        "bounded, sink | score = softcap(score * scale, 5.0); sink = 2.0; mask ="
            + " causal_bottom_right",
        "largest score | score = softcap(score * scale, 5.0); mask = causal; output lse, max_score",
        "weight        | weight = sigmoid(score * scale - 1); mask = sliding_window(40)",
        "by head       | score = score * scale - 0.1 * (h + 1) * (q - kv); mask = causal",
        "sink by head  | sink = h * 1.5 - 1; mask = causal_bottom_right",
        "mask by head  | tensor live : bool[Hq, Skv]; mask = live[h, kv]"
      })
  void equalTheReference(String name, String clauses) {
    AttentionSpec spec = Compiled.spec("edges", clauses.replace("; ", "\n"));
    Map<String, Double> params = new TreeMap<>();
    for (ParamDecl p : spec.params()) {
      params.put(p.name(), p.type() == ScalarType.INT ? 40.0 : 1.0);
    }
    for (List<Integer> sequences : SEQUENCES) {
      Case problem =
          new Case(
              spec,
              Dtype.BF16,
              new Shape(1, 3, 1, sequences.get(0), sequences.get(1), DIM),
              0.5,
              params,
              Distribution.NORMAL,
              7);
      Exactness reference = new Exactness(problem);
      for (Schedule.Hopper schedule : SCHEDULES) {
        TileKernel kernel = Compiled.hopper(spec, problem.dtype(), DIM, schedule);
        reference.check(name + ", " + schedule.print(), kernel);
      }
    }
  }
}
