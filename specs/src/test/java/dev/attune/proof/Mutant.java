package dev.attune.proof;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A kernel with one instruction changed so that it is wrong, or ought to be.
 *
 * @param line of the instruction in the kernel's text, from 0
 * @param now what stands there instead; several instructions, or none
 */
record Mutant(Kind kind, int line, String now) {

  /** What is done to an instruction. */
  enum Kind {
    WAIT_DELETED,
    WAIT_WEAKENED,
    PARITY_FLIPPED,
    PHASE_KEPT,
    FENCE_DELETED,
    COMMIT_DELETED,
    BARRIER_DELETED,
    BARRIER_COUNT,
    ARRIVAL_DELETED,
    ARRIVAL_DOUBLED,
    ARRIVAL_COUNT,
    BYTE_COUNT,
    COPY_DELETED,
    ZERO_FILL_DROPPED,
    REGISTERS,
    SWIZZLE_BIT,
    DESCRIPTOR_STEP,
    BOUND,
    CLAIM;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  /** Declared in every mutant, used by few. */
  private static final String SPARE = "%mutant0";

  private static final Pattern BULK_WAIT =
      Pattern.compile("cp\\.async\\.bulk\\.wait_group(\\.read)? (\\d+);");
  private static final Pattern WAIT =
      Pattern.compile("((?:wgmma|cp\\.async)\\.wait_group\\S*) (\\d+);");
  private static final Pattern TRY_WAIT =
      Pattern.compile("(mbarrier\\.try_wait\\.\\S+ (%p\\d+), \\[\\S+\\], )(%r\\d+);");
  private static final Pattern PHASE = Pattern.compile("xor\\.b32 (%r\\d+), \\1, 1;");
  private static final Pattern FENCE = Pattern.compile("(?:wgmma\\.)?fence\\.\\S+;");
  private static final Pattern COMMIT =
      Pattern.compile("(?:wgmma|cp\\.async|cp\\.async\\.bulk)\\.commit_group\\S*;");
  private static final Pattern BARRIER =
      Pattern.compile("bar\\.(?:warp\\.)?sync (\\S+?)(?:, (\\d+))?;");
  private static final Pattern ARRIVE = Pattern.compile("mbarrier\\.arrive\\.shared\\S+ .*;");
  private static final Pattern INIT = Pattern.compile("(mbarrier\\.init\\S+ \\[\\S+\\]), (\\d+);");
  private static final Pattern EXPECT =
      Pattern.compile("(mbarrier\\.arrive\\.expect_tx\\S+ _, \\[\\S+\\]), (\\d+);");
  private static final Pattern COPY = Pattern.compile("cp\\.async\\.(?:bulk\\.tensor|cg)\\..*;");
  private static final Pattern ZERO_FILL = Pattern.compile("(cp\\.async\\.cg\\..*, 16), %r\\d+;");
  private static final Pattern REGISTERS = Pattern.compile("(setmaxnreg\\.\\S+) (\\d+);");
  private static final Pattern SWIZZLE = Pattern.compile("xor\\.b32 (%r\\d+), %r\\d+, %r\\d+;");
  private static final Pattern MATRIX =
      Pattern.compile("((?:ld|st)matrix\\..*\\[%r\\d+)(?:\\+(\\d+))?(\\].*;)");
  private static final Pattern MODE = Pattern.compile("(mov\\.b32 %r\\d+), (-?\\d+);");
  private static final Pattern STEP = Pattern.compile("(add\\.s64 (%rd\\d+), %rd\\d+), (\\d+);");
  private static final Pattern BOUND = Pattern.compile("setp\\.(lt|le|gt|ge)\\.s32 (.*;)");
  private static final Pattern LIMIT = Pattern.compile("%r\\d+, (-?\\d+);$");
  private static final Pattern CLAIM =
      Pattern.compile("(atom\\.global\\.add\\.u32 %r\\d+, \\[\\S+\\]), 1;");

  /**
   * A descriptor's high word: 1024 bytes between rows of eight and the 128-byte swizzle, or 512 and
   * the 64-byte one.
   */
  private static final Set<Integer> MODES = Set.of(64 | 1 << 30, 32 | 2 << 30);

  /** Every mutant of a kernel. */
  static List<Mutant> all(String ptx) {
    List<String> lines = ptx.lines().toList();
    String products =
        String.join("\n", lines.stream().filter(l -> l.contains("wgmma.mma_async")).toList());
    List<Mutant> mutants = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (!line.endsWith(";") || line.startsWith("/") || line.startsWith(".")) {
        continue;
      }
      int space = line.startsWith("@") ? line.indexOf(' ') + 1 : 0;
      String guard = line.substring(0, space);
      int at = i;
      changes(line.substring(space), products)
          .map(c -> new Mutant(c.kind, at, c.now.isEmpty() ? "" : guard + c.now))
          .forEach(mutants::add);
    }
    return mutants;
  }

  private record Change(Kind kind, String now) {}

  private static Stream<Change> changes(String inst, String products) {
    List<Change> found = new ArrayList<>();
    waits(inst, found);
    barriers(inst, found);
    swizzles(inst, products, found);
    Matcher m;
    if (FENCE.matcher(inst).matches()) {
      found.add(new Change(Kind.FENCE_DELETED, ""));
    }
    if (COMMIT.matcher(inst).matches()) {
      found.add(new Change(Kind.COMMIT_DELETED, ""));
    }
    if (COPY.matcher(inst).matches()) {
      found.add(new Change(Kind.COPY_DELETED, ""));
    }
    m = ZERO_FILL.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.ZERO_FILL_DROPPED, m.group(1) + ";"));
    }
    m = REGISTERS.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.REGISTERS, ""));
      found.add(new Change(Kind.REGISTERS, m.group(1) + " " + (number(m, 2) + 8) + ";"));
    }
    m = BOUND.matcher(inst);
    if (m.matches()) {
      String other =
          switch (m.group(1)) {
            case "lt" -> "le";
            case "le" -> "lt";
            case "gt" -> "ge";
            default -> "gt";
          };
      found.add(new Change(Kind.BOUND, "setp." + other + ".s32 " + m.group(2)));
    }
    m = CLAIM.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.CLAIM, m.group(1) + ", 2;"));
    }
    return found.stream();
  }

  private static void waits(String inst, List<Change> found) {
    Matcher m = WAIT.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.WAIT_DELETED, ""));
      found.add(new Change(Kind.WAIT_WEAKENED, m.group(1) + " " + (number(m, 2) + 1) + ";"));
    }
    m = BULK_WAIT.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.WAIT_DELETED, ""));
      found.add(
          new Change(Kind.WAIT_WEAKENED, inst.substring(0, m.start(2)) + (number(m, 2) + 1) + ";"));
    }
    m = TRY_WAIT.matcher(inst);
    if (m.matches()) {
      String parity = m.group(3);
      found.add(
          new Change(
              Kind.WAIT_DELETED, "setp.eq.s32 %s, %s, %s;".formatted(m.group(2), parity, parity)));
      found.add(
          new Change(
              Kind.PARITY_FLIPPED,
              "xor.b32 %s, %s, 1;\n    %s%s;".formatted(SPARE, parity, m.group(1), SPARE)));
    }
    if (PHASE.matcher(inst).matches()) {
      found.add(new Change(Kind.PHASE_KEPT, ""));
    }
  }

  private static void barriers(String inst, List<Change> found) {
    Matcher m = BARRIER.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.BARRIER_DELETED, ""));
      if (m.group(2) != null) {
        for (int by : List.of(-32, 32)) {
          found.add(
              new Change(
                  Kind.BARRIER_COUNT, inst.substring(0, m.start(2)) + (number(m, 2) + by) + ";"));
        }
      }
    }
    if (ARRIVE.matcher(inst).matches()) {
      found.add(new Change(Kind.ARRIVAL_DELETED, ""));
      found.add(new Change(Kind.ARRIVAL_DOUBLED, inst + "\n    " + inst));
    }
    m = INIT.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.ARRIVAL_COUNT, ""));
      found.add(new Change(Kind.ARRIVAL_COUNT, m.group(1) + ", " + (number(m, 2) + 1) + ";"));
      if (number(m, 2) > 1) {
        found.add(new Change(Kind.ARRIVAL_COUNT, m.group(1) + ", " + (number(m, 2) - 1) + ";"));
      }
    }
    m = EXPECT.matcher(inst);
    if (m.matches()) {
      found.add(new Change(Kind.BYTE_COUNT, ""));
      for (int by : List.of(-16, 16)) {
        found.add(new Change(Kind.BYTE_COUNT, m.group(1) + ", " + (number(m, 2) + by) + ";"));
      }
    }
  }

  private static void swizzles(String inst, String products, List<Change> found) {
    Matcher m = SWIZZLE.matcher(inst);
    if (m.matches()) {
      for (int bit : List.of(1, 2, 4)) {
        found.add(
            new Change(
                Kind.SWIZZLE_BIT,
                "%s\n    xor.b32 %s, %s, %d;".formatted(inst, m.group(1), m.group(1), bit)));
      }
    }
    m = MATRIX.matcher(inst);
    if (m.matches()) {
      long offset = m.group(2) == null ? 0 : number(m, 2);
      for (int bit : List.of(16, 32, 64)) {
        found.add(new Change(Kind.SWIZZLE_BIT, m.group(1) + "+" + (offset ^ bit) + m.group(3)));
      }
    }
    m = MODE.matcher(inst);
    if (m.matches() && MODES.contains((int) number(m, 2))) {
      for (long bit : List.of(1L << 30, 1L << 31)) {
        found.add(
            new Change(Kind.SWIZZLE_BIT, m.group(1) + ", " + (int) (number(m, 2) ^ bit) + ";"));
      }
    }
    m = STEP.matcher(inst);
    if (m.matches() && products.contains(m.group(2) + ",")) {
      found.add(new Change(Kind.DESCRIPTOR_STEP, m.group(1) + ", " + (number(m, 3) + 2) + ";"));
    }
  }

  private static long number(Matcher m, int group) {
    return Long.parseLong(m.group(group));
  }

  /** The constant that a changed bound compares with. */
  Optional<Integer> limit() {
    Matcher m = LIMIT.matcher(now);
    return kind == Kind.BOUND && m.find()
        ? Optional.of(Integer.parseInt(m.group(1)))
        : Optional.empty();
  }

  /** The kernel's text with the change. */
  String in(String ptx) {
    List<String> lines = new ArrayList<>(ptx.lines().toList());
    lines.set(line, now.isEmpty() ? "" : "    " + now);
    lines.add(lines.indexOf("{") + 1, "    .reg .b32 %mutant<1>;");
    return String.join("\n", lines) + "\n";
  }

  /** The tile operation that the instruction belongs to, and what was done to it. */
  String describe(String ptx) {
    List<String> lines = ptx.lines().toList();
    String operation = "";
    for (int i = 0; i <= line; i++) {
      if (lines.get(i).strip().startsWith("//@ ")) {
        operation = lines.get(i).strip().substring(4);
      }
    }
    return "%s, line %d, in %s: %s%s"
        .formatted(
            kind,
            line + 1,
            operation,
            lines.get(line).strip(),
            now.isEmpty() ? "" : " -> " + now.replaceAll("\n\\s*", " "));
  }
}
