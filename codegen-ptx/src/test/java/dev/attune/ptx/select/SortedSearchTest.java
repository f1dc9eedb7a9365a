package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Expr;
import dev.attune.ptx.Reg;
import dev.attune.ptx.emulate.EmulatedMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a warp finds on the emulator, which faults where anything but the row is read. */
class SortedSearchTest {
  /** A row and what is looked for in it. */
  private record Case(List<Integer> row, long value) {
    long expected() {
      long found = row.stream().takeWhile(entry -> entry < value).count();
      return found == row.size() ? Expr.Search.NOWHERE : found;
    }
  }

  /**
   * Rows of all lengths around those at which one more round is needed, with many equal entries.
   */
  private static List<Case> cases(boolean wide) {
    Random random = new Random(3);
    List<Case> cases = new ArrayList<>();
    for (int n : List.of(0, 1, 2, 31, 32, 33, 34, 64, 65, 1000, 1055, 1056, 1057, 5000, 34000)) {
      for (int i = 0; i < 24; i++) {
        int spread = 1 + random.nextInt(i % 2 == 0 ? 4 : 2 * n + 1);
        List<Integer> row = random.ints(n, -spread, spread).sorted().boxed().toList();
        cases.add(new Case(row, random.nextInt(-spread - 1, spread + 2)));
      }
      List<Integer> ends =
          IntStream.range(0, n)
              .mapToObj(i -> i < n / 2 ? Integer.MIN_VALUE : Integer.MAX_VALUE)
              .toList();
      for (long value : List.of((long) Integer.MIN_VALUE, 0L, (long) Integer.MAX_VALUE)) {
        cases.add(new Case(ends, value));
        if (wide) {
          cases.add(new Case(ends, value - 1));
          cases.add(new Case(ends, value + 1));
          cases.add(new Case(ends, value << 20));
        }
      }
    }
    return cases;
  }

  /** What warps find, one for each case. */
  private static long[] find(List<Case> cases, boolean wide) {
    Emitter emit = new Emitter();
    Reg lane = emit.fresh(Reg.Kind.B32);
    Reg entries = emit.fresh(Reg.Kind.B32);
    Reg row = emit.fresh(Reg.Kind.B64);
    Reg value = emit.fresh(wide ? Reg.Kind.B64 : Reg.Kind.B32);
    Reg found = new SortedSearch(emit, lane).find(row, entries, value, wide);
    EmulatedMemory memory = new EmulatedMemory();
    ByteBuffer in = ByteBuffer.allocate(24 * cases.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (Case c : cases) {
      ByteBuffer row32 = ByteBuffer.allocate(4 * c.row.size()).order(ByteOrder.LITTLE_ENDIAN);
      c.row.forEach(row32::putInt);
      long at = memory.allocate(Math.max(4, row32.capacity()));
      memory.write(at, row32.array());
      in.putLong(at).putLong(c.row.size()).putLong(c.value);
    }
    String load =
        """
        mov.u32 %s, %%s0;
        ld.global.b64 %s, [%%a0];
        ld.global.b32 %s, [%%a0+8];
        ld.global.%s %s, [%%a0+16];
        """
            .formatted(lane.text(), row.text(), entries.text(), wide ? "b64" : "b32", value.text());
    String store =
        """
        setp.eq.s32 %%p998, %s, 0;
        @%%p998 st.global.b32 [%%a1], %s;
        """
            .formatted(lane.text(), found.text());
    ByteBuffer out = new Fragment(emit, load, store, 4).ofWarps(memory, in, cases.size());
    return IntStream.range(0, cases.size()).mapToLong(i -> out.getInt(4 * i)).toArray();
  }

  private static List<Integer> ints(Random random, int count) {
    return random.ints(count, -9, 9).boxed().toList();
  }

  private static void check(boolean wide) {
    List<Case> cases = cases(wide);
    long[] found = find(cases, wide);
    for (int i = 0; i < cases.size(); i++) {
      Case c = cases.get(i);
      assertEquals(c.expected(), found[i], "%d entries, value %d".formatted(c.row.size(), c.value));
    }
  }

  @Test
  void ofInts() {
    check(false);
  }

  @Test
  void ofLongs() {
    check(true);
  }

  @Test
  void aRowThatIsNotSortedIsReadInsideAndAnIndexFound() {
    Random random = new Random(4);
    List<Case> cases =
        IntStream.range(0, 200)
            .mapToObj(i -> new Case(ints(random, random.nextInt(2000)), i % 18 - 9))
            .toList();
    long[] found = find(cases, false);
    for (int i = 0; i < found.length; i++) {
      long at = found[i];
      int entries = cases.get(i).row.size();
      assertTrue(
          at == Expr.Search.NOWHERE || (0 <= at && at < entries), () -> at + " of " + entries);
    }
  }
}
