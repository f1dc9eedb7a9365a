package dev.attune.ptx.emulate;

import java.util.ArrayDeque;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Four consecutive warps and the {@code wgmma} instructions that they execute together. One is
 * issued when the fourth warp has come to it; from then on until a warp waits for it its operands
 * are read and the sums computed, at the moment that the policy for asynchronous effects chooses.
 * Each warp receives the sums of its rows when it waits for the last instruction that adds to them.
 */
final class Warpgroup {
  private static final int WARPS = 4;

  /** Bytes of eight elements. */
  private static final int CHUNK = 16;

  private static final int POISON = 0x7FF7_7FF7;

  /** Sums in flight: 64 rows. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Sums(float[][] rows) {
    Sums(int columns) {
      this(new float[WarpgroupProduct.ROWS][columns]);
    }
  }

  /** One instruction, from the first warp that comes to it until the last has waited for it. */
  private static final class Issue {
    final int number;
    final WarpgroupMultiply instruction;
    final long descriptorA;
    final long descriptorB;
    final boolean accumulate;
    final boolean continues;
    final Sums sums;
    int arrived;
    boolean executed;
    int @Nullable [] chunksA;
    int @Nullable [] chunksB;

    Issue(
        int number,
        WarpgroupMultiply instruction,
        long descriptorA,
        long descriptorB,
        boolean accumulate,
        boolean continues,
        Sums sums) {
      this.number = number;
      this.instruction = instruction;
      this.descriptorA = descriptorA;
      this.descriptorB = descriptorB;
      this.accumulate = accumulate;
      this.continues = continues;
      this.sums = sums;
    }
  }

  private final Cta cta;
  private final int first;
  private final ArrayDeque<Issue> issues = new ArrayDeque<>();

  /** Instructions that all four warps have come to. */
  private int issuedByAll;

  Warpgroup(Cta cta, int number) {
    this.cta = cta;
    this.first = WARPS * number;
  }

  private Issue at(int number) {
    for (Issue issue : issues) {
      if (issue.number == number) {
        return issue;
      }
    }
    throw new IllegalStateException("wgmma " + number + " is not in flight");
  }

  /** Whether an instruction in flight accumulates in the same registers as another one. */
  boolean accumulates(int number, WarpgroupMultiply other) {
    return Arrays.equals(at(number).instruction.d, other.d);
  }

  boolean issuedByAll(int number) {
    return number <= issuedByAll;
  }

  // Issue.

  /** A warp executes the instruction. */
  void issue(Warp warp, WarpgroupMultiply instruction) {
    if (cta.warpCount() < first + WARPS) {
      throw new Fault(
          -1, "wgmma needs the four warps of a warpgroup, the last one here is incomplete");
    }
    Flight flight = warp.flight;
    boolean continues = flight.checkIssue(instruction, this);
    boolean accumulate = scaleD(warp, instruction);
    if (accumulate && !continues) {
      warp.checkInitialised(instruction.writes);
    }
    long a =
        instruction.a == null ? WarpgroupMultiply.uniform(warp, instruction.descriptorA, "A") : 0;
    long b = WarpgroupMultiply.uniform(warp, instruction.descriptorB, "B");
    int number = flight.issued() + 1;
    Issue issue;
    if (!issues.isEmpty() && issues.getLast().number >= number) {
      issue = at(number);
      checkSame(warp, issue, instruction, a, b, accumulate, continues);
    } else {
      Sums sums =
          continues
              ? at(flight.lastUse(instruction.writes[0])).sums
              : new Sums(instruction.columns());
      issue = new Issue(number, instruction, a, b, accumulate, continues, sums);
      issues.addLast(issue);
    }
    flight.issue(instruction);
    if (!continues) {
      take(warp, issue);
    }
    issue.arrived++;
    if (issue.arrived == WARPS) {
      issuedByAll = number;
      cta.knowledge().issueTogether(first / WARPS);
      for (int w = first; w < first + WARPS; w++) {
        cta.warp(w).unhold(number);
      }
      warp.counters.mmaInstructions++;
      resolve(issue);
      if (early(warp)) {
        executeUpTo(number);
      }
    }
  }

  private static boolean scaleD(Warp warp, WarpgroupMultiply instruction) {
    int lanes = warp.predicate(instruction.scaleD);
    if (lanes != 0 && lanes != -1) {
      throw new Fault(
          Integer.numberOfTrailingZeros(~lanes), "lanes give different values of scale-d");
    }
    return lanes != 0;
  }

  private void checkSame(
      Warp warp,
      Issue issue,
      WarpgroupMultiply instruction,
      long a,
      long b,
      boolean accumulate,
      boolean continues) {
    String what = null;
    if (issue.instruction != instruction) {
      what = "execute different wgmma; another warp is " + issue.instruction.header.where();
    } else if (issue.descriptorA != a || issue.descriptorB != b) {
      what = "give different descriptors";
    } else if (issue.accumulate != accumulate) {
      what = "give different values of scale-d";
    } else if (issue.continues != continues) {
      what = "have waited for different groups";
    }
    if (what != null) {
      throw new Fault(
          -1,
          "the warps of warpgroup "
              + first / WARPS
              + " (warp "
              + warp.index
              + " and an earlier one) "
              + what);
    }
  }

  private boolean early(Warp warp) {
    return switch (cta.launch().config().options().async()) {
      case LATEST -> false;
      case EARLIEST -> true;
      case RANDOM -> warp.random.nextBoolean();
    };
  }

  /** The accumulators leave the warp's registers, which hold poison until they come back. */
  private void take(Warp warp, Issue issue) {
    int[] r = warp.ints;
    int[] d = issue.instruction.d;
    int row = 16 * (warp.index - first);
    for (int j = 0; j < d.length; j++) {
      if (issue.accumulate) {
        for (int lane = 0; lane < 32; lane++) {
          issue.sums.rows[row + rowOf(j, lane)][columnOf(j, lane)] =
              Float.intBitsToFloat(r[d[j] + lane]);
        }
      }
      Arrays.fill(r, d[j], d[j] + 32, POISON);
    }
  }

  private void giveBack(Warp warp, Issue issue) {
    int[] r = warp.ints;
    int[] d = issue.instruction.d;
    int row = 16 * (warp.index - first);
    for (int j = 0; j < d.length; j++) {
      for (int lane = 0; lane < 32; lane++) {
        r[d[j] + lane] = Scalars.bits(issue.sums.rows[row + rowOf(j, lane)][columnOf(j, lane)]);
      }
    }
  }

  private static int rowOf(int register, int lane) {
    return (lane >> 2) + (8 * (register >> 1 & 1));
  }

  private static int columnOf(int register, int lane) {
    return (8 * (register >> 2)) + (2 * (lane & 3)) + (register & 1);
  }

  // Operands in shared memory.

  /** Finds where the operands lie and announces that they are read. */
  private void resolve(Issue issue) {
    WarpgroupMultiply instruction = issue.instruction;
    if (instruction.a == null) {
      issue.chunksA =
          chunks(issue.number, issue.descriptorA, instruction.acrossA, WarpgroupProduct.ROWS, "A");
    }
    issue.chunksB =
        chunks(issue.number, issue.descriptorB, instruction.acrossB, instruction.columns(), "B");
  }

  /**
   * Addresses of the chunks of a matrix of 16 k and that many rows: of row i and half h at 2i + h,
   * or of k and the eighth e of the rows at k + 16e.
   */
  private int[] chunks(int number, long bits, boolean across, int rows, String operand) {
    MatrixDescriptor descriptor = MatrixDescriptor.of(bits, operand);
    int[] chunks = new int[2 * rows];
    for (int i = 0; i < chunks.length; i++) {
      chunks[i] = across ? descriptor.acrossK(i & 15, i >> 4) : descriptor.alongK(i >> 1, i & 1);
    }
    announce(number, chunks.clone());
    return chunks;
  }

  /** Announces reads of chunks, those that lie together as one. */
  private void announce(int number, int[] chunks) {
    Arrays.sort(chunks);
    int from = 0;
    for (int i = 1; i <= chunks.length; i++) {
      if (i == chunks.length || chunks[i] > chunks[i - 1] + CHUNK) {
        int bytes = chunks[i - 1] + CHUNK - chunks[from];
        cta.shared().groupRead(first / WARPS, number, chunks[from], bytes);
        from = i;
      }
    }
  }

  // Completion.

  /** A warp has come to a wait for all instructions up to that one; all warps have issued them. */
  void await(Warp warp, int last) {
    executeUpTo(last);
    Flight flight = warp.flight;
    int done = flight.completed();
    for (Issue issue : issues) {
      if (issue.number > done
          && issue.number <= last
          && flight.lastUse(issue.instruction.writes[0]) == issue.number) {
        giveBack(warp, issue);
      }
    }
    flight.complete(last);
    cta.knowledge().awaitTogether(warp.index, last);
    int least = last;
    for (int w = first; w < first + Math.min(WARPS, cta.warpCount() - first); w++) {
      least = Math.min(least, cta.warp(w).flight.completed());
    }
    while (!issues.isEmpty() && issues.getFirst().number <= least) {
      issues.removeFirst();
    }
  }

  private void executeUpTo(int number) {
    for (Issue issue : issues) {
      if (issue.number <= number && !issue.executed) {
        issue.executed = true;
        execute(issue);
      }
    }
  }

  private void execute(Issue issue) {
    WarpgroupMultiply instruction = issue.instruction;
    boolean bf16 = instruction.bf16;
    float[][] b = new float[WarpgroupProduct.DEPTH][instruction.columns()];
    int[] chunksB = issue.chunksB;
    if (chunksB == null) {
      throw new IllegalStateException("wgmma is executed before all warps have issued it");
    }
    gather(chunksB, instruction.acrossB, bf16, instruction.negateB, b, true);
    float[][] a = new float[WarpgroupProduct.ROWS][WarpgroupProduct.DEPTH];
    int[] chunksA = issue.chunksA;
    if (chunksA != null) {
      gather(chunksA, instruction.acrossA, bf16, instruction.negateA, a, false);
    } else {
      gatherRegisters(instruction, a);
    }
    WarpgroupProduct product = new WarpgroupProduct(b, bf16);
    for (int row = 0; row < WarpgroupProduct.ROWS; row++) {
      float[] sums = issue.sums.rows[row];
      if (!issue.accumulate) {
        Arrays.fill(sums, 0f);
      }
      product.addRow(a[row], sums);
    }
  }

  /** Reads a matrix; {@code byK} tells whether k is its first index. */
  private void gather(
      int[] chunks, boolean across, boolean bf16, boolean negate, float[][] to, boolean byK) {
    SharedMemory shared = cta.shared();
    float[] eight = new float[8];
    for (int i = 0; i < chunks.length; i++) {
      for (int pair = 0; pair < 4; pair++) {
        int word = shared.word(chunks[i] + (4 * pair));
        eight[2 * pair] = value(word & 0xFFFF, bf16, negate);
        eight[(2 * pair) + 1] = value(word >>> 16, bf16, negate);
      }
      int k = across ? i & 15 : 8 * (i & 1);
      int row = across ? 8 * (i >> 4) : i >> 1;
      if (across == byK) {
        System.arraycopy(eight, 0, byK ? to[k] : to[row], byK ? row : k, 8);
      } else {
        for (int e = 0; e < 8; e++) {
          if (byK) {
            to[k + e][row] = eight[e];
          } else {
            to[row + e][k] = eight[e];
          }
        }
      }
    }
  }

  private void gatherRegisters(WarpgroupMultiply instruction, float[][] to) {
    int[] registers = instruction.a;
    if (registers == null) {
      throw new IllegalStateException("A is not in registers");
    }
    for (int w = 0; w < WARPS; w++) {
      int[] r = cta.warp(first + w).ints;
      for (int register = 0; register < 4; register++) {
        for (int lane = 0; lane < 32; lane++) {
          int row = (16 * w) + (lane >> 2) + (8 * (register & 1));
          int k = (2 * (lane & 3)) + (8 * (register >> 1));
          int pair = r[registers[register] + lane];
          to[row][k] = value(pair & 0xFFFF, instruction.bf16, instruction.negateA);
          to[row][k + 1] = value(pair >>> 16, instruction.bf16, instruction.negateA);
        }
      }
    }
  }

  private static float value(int bits, boolean bf16, boolean negate) {
    float value = bf16 ? Scalars.fromBf16(bits) : Scalars.fromF16(bits);
    return negate ? -value : value;
  }
}
