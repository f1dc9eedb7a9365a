package dev.attune.ptx.tune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.hopper.HopperSchedules;
import dev.attune.ptx.tune.TunedSchedules.Entry;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class TunedSchedulesTest {
  private static final HeadDim D128 = new HeadDim(128, 128);
  private static final TunedSchedules H200 = TunedSchedules.shipped("NVIDIA H200").orElseThrow();

  private static Schedule.Hopper schedule(int cols) {
    return new Schedule.Hopper(
        cols, 2, 3, true, Output.OWN, false, true, true, 8, "measured \"x\"");
  }

  private static Entry entry(MaskClass mask, int from, int to, int cols) {
    return new Entry(Dtype.BF16, D128, mask, new Lengths(from, to), Lengths.ALL, schedule(cols));
  }

  @Test
  void textIsReadBack() {
    TunedSchedules table =
        new TunedSchedules(
            "A \"GPU\"",
            List.of(
                entry(MaskClass.BAND, 1, Shape.MAX_SEQ, 48),
                new Entry(
                    Dtype.F16,
                    new HeadDim(192, 128),
                    MaskClass.FULL,
                    new Lengths(3, 9),
                    new Lengths(5, 5),
                    schedule(64))));
    assertEquals(table, TunedSchedules.read(table.write()));
    assertEquals(table.write(), TunedSchedules.read(table.write()).write());
    assertEquals(
        new TunedSchedules("x", List.of()),
        TunedSchedules.read(new TunedSchedules("x", List.of()).write()));
  }

  @Test
  void whatShipsIsWhatItsWriterWrites() {
    assertEquals(H200, TunedSchedules.read(H200.write()));
    assertEquals(Optional.empty(), TunedSchedules.shipped("NVIDIA A100"));
  }

  @Test
  void whatShipsFitsAndServesEveryLength() {
    for (Entry e : H200.entries()) {
      assertTrue(HopperSchedules.fits(Target.SM_90A, e.headDim(), e.schedule()), e.toString());
    }
    for (int dim : new int[] {64, 128, 256}) {
      for (MaskClass mask : List.of(MaskClass.FULL, MaskClass.CAUSAL)) {
        for (int length : new int[] {0, 1, 1024, 1 << 14, Shape.MAX_SEQ}) {
          assertTrue(
              H200.find(Dtype.F16, new HeadDim(dim, dim), mask, length, length).isPresent(),
              dim + " " + mask + " " + length);
        }
      }
    }
  }

  @Test
  void theLengthDecides() {
    TunedSchedules table =
        new TunedSchedules(
            "x",
            List.of(
                entry(MaskClass.FULL, 100, Shape.MAX_SEQ, 80),
                entry(MaskClass.FULL, 1, 99, 64),
                entry(MaskClass.CAUSAL, 10, 20, 96)));
    assertEquals(64, find(table, MaskClass.FULL, 99).cols());
    assertEquals(80, find(table, MaskClass.FULL, 100).cols());
    assertEquals(Optional.empty(), table.find(Dtype.BF16, D128, MaskClass.CAUSAL, 21, 21));
    assertEquals(
        List.of(64, 80),
        table.candidates(Dtype.BF16, D128, MaskClass.FULL).map(e -> e.schedule().cols()).toList());
  }

  private static Schedule.Hopper find(TunedSchedules table, MaskClass mask, int length) {
    return table.find(Dtype.BF16, D128, mask, length, 7).orElseThrow();
  }

  @Test
  void newEntriesReplaceThoseOfTheSameProblems() {
    TunedSchedules table =
        new TunedSchedules(
            "x", List.of(entry(MaskClass.FULL, 1, 9, 64), entry(MaskClass.CAUSAL, 1, 9, 64)));
    TunedSchedules newer = table.with(List.of(entry(MaskClass.FULL, 5, 50, 80)));
    assertEquals(
        List.of(entry(MaskClass.FULL, 5, 50, 80), entry(MaskClass.CAUSAL, 1, 9, 64)),
        newer.entries());
  }

  @Test
  void entriesMayNotContradict() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new TunedSchedules(
                    "x",
                    List.of(entry(MaskClass.FULL, 1, 9, 64), entry(MaskClass.FULL, 9, 9, 80))));
    assertEquals(
        "two schedules for bf16, head dim 128, full: queries 1 to 9 and 9 to 9", e.getMessage());
  }

  @Test
  void badTextIsRefusedWithAReason() {
    String good = new TunedSchedules("x", List.of(entry(MaskClass.FULL, 1, 9, 64))).write();
    refused(good.replace("\"cols\":64", "\"cols\":63"), "schedules[0].schedule is no schedule");
    refused(good.replace("\"full\"", "\"fuzzy\""), "expected full, causal, band");
    refused(good.replace("\"to\":9", "\"to\":0"), "schedules[0].queries.to is 0");
    refused(good.replace("\"own\"", "null"), "schedules[0].schedule.output is null");
    refused(good.replace("\"format\": 1", "\"format\": 2"), "format is 2, expected 1");
    refused(good.replace("\"stages\":3,", ""), "schedules[0].schedule.stages is missing");
    refused("[]", "content is [], expected an object");
    refused("{", "not JSON");
  }

  private static void refused(String json, String why) {
    var e = assertThrows(IllegalArgumentException.class, () -> TunedSchedules.read(json));
    assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
  }

  @Test
  void masksHaveClasses() {
    assertEquals(MaskClass.FULL, mask("attention a {}"));
    assertEquals(MaskClass.CAUSAL, mask("attention a { mask = causal }"));
    assertEquals(
        MaskClass.BAND,
        mask("attention a { param n : int = 8 where n >= 1  mask = causal and q - kv < n }"));
    assertEquals(
        MaskClass.FULL, mask("attention a { param n : int = 8 where n >= 1  mask = kv < n }"));
  }

  private static MaskClass mask(String text) {
    AttentionSpec spec =
        Frontend.load(new Source("a.attn", text), ImportResolver.none()).specs().getFirst();
    return MaskClass.of(spec);
  }
}
