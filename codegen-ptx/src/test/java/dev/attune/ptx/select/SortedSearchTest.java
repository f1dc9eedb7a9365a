package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Expr;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.Reg;
import dev.attune.ptx.emulate.Dim3;
import dev.attune.ptx.emulate.EmulatedMemory;
import dev.attune.ptx.emulate.EmulatedModule;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.LaunchConfig;
import dev.attune.ptx.emulate.OutputRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
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
    String code =
        emit.code().stream()
            .map(i -> PtxPrinter.print(i) + (PtxPrinter.print(i).endsWith(":") ? "\n" : ";\n"))
            .collect(Collectors.joining());
    String module =
        """
        .version 8.0
        .target sm_80
        .address_size 64
        .visible .entry k(.param .u64 in, .param .u64 out)
        {
        .reg .b32 %%s<4>;
        .reg .b32 %%r<80>;
        .reg .b64 %%a<4>;
        .reg .b64 %%rd<80>;
        .reg .pred %%p<20>;
        ld.param.u64 %%a0, [in];
        ld.param.u64 %%a1, [out];
        mov.u32 %1$s, %%tid.x;
        mov.u32 %%s1, %%ctaid.x;
        mul.wide.u32 %%a2, %%s1, 24;
        add.u64 %%a0, %%a0, %%a2;
        mul.wide.u32 %%a2, %%s1, 4;
        add.u64 %%a1, %%a1, %%a2;
        ld.global.b64 %2$s, [%%a0];
        ld.global.b32 %3$s, [%%a0+8];
        ld.global.%4$s %5$s, [%%a0+16];
        %6$ssetp.eq.s32 %%p19, %1$s, 0;
        @%%p19 st.global.b32 [%%a1], %7$s;
        ret;
        }
        """
            .formatted(
                lane.text(),
                row.text(),
                entries.text(),
                wide ? "b64" : "b32",
                value.text(),
                code,
                found.text());
    EmulatedMemory memory = new EmulatedMemory();
    ByteBuffer in = ByteBuffer.allocate(24 * cases.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (Case c : cases) {
      ByteBuffer row32 = ByteBuffer.allocate(4 * c.row.size()).order(ByteOrder.LITTLE_ENDIAN);
      c.row.forEach(row32::putInt);
      long at = memory.allocate(Math.max(4, row32.capacity()));
      memory.write(at, row32.array());
      in.putLong(at).putLong(c.row.size()).putLong(c.value);
    }
    long from = memory.allocate(in.capacity());
    long to = memory.allocate(4L * cases.size());
    memory.write(from, in.array());
    ByteBuffer block = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    block.putLong(from).putLong(to);
    EmulatedModule.parse(module)
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(
                Dim3.of(cases.size()),
                Dim3.of(32),
                0,
                List.of(OutputRegion.contiguous("out", to, 4L * cases.size())),
                EmulatorOptions.defaults()),
            block.array());
    ByteBuffer out = ByteBuffer.allocate(4 * cases.size()).order(ByteOrder.LITTLE_ENDIAN);
    memory.read(to, out.duplicate());
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
