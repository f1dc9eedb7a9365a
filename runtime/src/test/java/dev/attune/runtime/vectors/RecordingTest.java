package dev.attune.runtime.vectors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.runtime.vectors.GoldenFile.Recording;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Recording and replaying, with the emulator in the place of the GPU: what agrees passes, and what
 * does not is noticed.
 */
class RecordingTest {
  private static final int MOST_BYTES = 1_500_000;

  private static GoldenFile recorded() {
    Map<GoldenCase, byte[]> outputs = new HashMap<>();
    Cases.all().forEach(test -> outputs.put(test, Emulated.output(test)));
    return GoldenFile.of("the emulator", outputs);
  }

  private static byte[] written(GoldenFile file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    file.write(bytes);
    return bytes.toByteArray();
  }

  private static GoldenCase named(String name) {
    return Cases.all().stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
  }

  /** The file with one recording changed. */
  private static GoldenFile with(GoldenCase test, Recording recording) {
    return new GoldenFile("changed", Map.of(test.name(), recording));
  }

  private static String problem(GoldenFile file, GoldenCase test) {
    return file.problem(test, Emulated.output(test)).orElse("none");
  }

  @Test
  void whatIsRecordedIsReplayed() throws IOException {
    GoldenFile file = recorded();
    byte[] archive = written(file);
    assertTrue(archive.length < MOST_BYTES, () -> "the archive has " + archive.length + " bytes");
    assertArrayEquals(archive, written(file));
    GoldenFile read = GoldenFile.read(new ByteArrayInputStream(archive));
    assertEquals("the emulator", read.device());
    for (GoldenCase test : Cases.all()) {
      assertEquals(Optional.empty(), read.problem(test, Emulated.output(test)));
    }
  }

  @Test
  void anotherArchiveIsRefused() {
    byte[] nothing = {1, 2, 3};
    assertThrows(IOException.class, () -> GoldenFile.read(new ByteArrayInputStream(nothing)));
  }

  @Test
  void oneWrongBitIsNoticed() {
    for (String name : List.of("mma.bf16.moderate", "ldmatrix.x4.trans", "tma.store.inside")) {
      GoldenCase test = named(name);
      byte[] output = Emulated.output(test).clone();
      output[129] ^= 4;
      String problem = problem(with(test, new Recording(test.digest(), output)), test);
      int words = output.length / 4;
      String expected = name + ": 1 of " + words + " words disagree; word 32: ";
      assertTrue(problem.startsWith(expected), problem);
    }
  }

  /** Only boxes that lie outside leave an output alone, or fill it with zeros. */
  @Test
  void everyOutputSaysSomething() {
    for (GoldenCase test : Cases.all()) {
      boolean outside = test.name().endsWith(".past_rows");
      byte[] output = Emulated.output(test);
      boolean same = all(output, (byte) 0) || all(output, Machine.PATTERN);
      assertEquals(outside, same, test::name);
    }
  }

  private static boolean all(byte[] bytes, byte value) {
    byte[] same = new byte[bytes.length];
    Arrays.fill(same, value);
    return Arrays.equals(same, bytes);
  }

  /** What an approximation may be off is let pass, and no more. */
  @Test
  void errorsAreAllowedAsStated() {
    GoldenCase test = named("float.ex2_approx_ftz_f32");
    Agreement within = test.agreement();
    byte[] exact = Values.bytes(Float.floatToRawIntBits(1.25f), 0x7F80_0000, 0x7FC0_0000);
    byte[] near = Values.bytes(Float.floatToRawIntBits(1.25f) + 2, 0x7F80_0000, 0x7FFF_FFFF);
    byte[] far = Values.bytes(Float.floatToRawIntBits(1.25f) + 4, 0x7F7F_FFFF, 0);
    assertEquals(0, within.compare(exact, near).wrong());
    assertEquals(3, within.compare(exact, far).wrong());
    assertEquals(2, Agreement.BITS.compare(exact, near).wrong());
  }

  @Test
  void aStaleRecordingSaysWhatToDo() {
    GoldenCase test = named("mma.f16.wide");
    Recording other = new Recording("0123456789abcdef", Emulated.output(test));
    String problem = problem(with(test, other), test);
    assertTrue(problem.startsWith("mma.f16.wide was recorded with other instructions"), problem);
    assertTrue(problem.contains("record again with ATTUNE_RECORD=FILE"), problem);
  }

  @Test
  void aCaseWithoutRecordingSaysWhatToDo() {
    GoldenFile none = new GoldenFile("none", Map.of());
    String problem = problem(none, named("mma.f16.wide"));
    assertTrue(problem.startsWith("mma.f16.wide was never recorded: record again"), problem);
  }
}
