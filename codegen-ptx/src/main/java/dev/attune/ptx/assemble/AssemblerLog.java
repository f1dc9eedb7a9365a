package dev.attune.ptx.assemble;

import dev.attune.ptx.assemble.Notice.Severity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the assembler's text says.
 *
 * <p>With {@code --verbose} it prints for every entry
 *
 * <pre>
 * ptxas info    : Compiling entry function 'f' for 'sm_80'
 * ptxas info    : Function properties for f
 * ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
 * ptxas info    : Used 10 registers, 1024 bytes smem, 376 bytes cmem[0]
 * </pre>
 *
 * Every other line is kept as a notice: nothing the assembler says is lost.
 */
record AssemblerLog(List<Assembly.Entry> entries, List<Notice> notices) {
  private static final Pattern LINE =
      Pattern.compile(
          "(?:ptxas\\s+)?(?:[^,;]*,\\s*line\\s+(\\d+);\\s*)?(info|warning|error|fatal)\\s*:\\s*(.*)");
  private static final Pattern CODE = Pattern.compile("\\((C\\d+)\\)\\s*(.*)");
  private static final Pattern ENTRY =
      Pattern.compile("Compiling entry function '([^']+)' for '[^']+'");
  private static final Pattern PROPERTIES = Pattern.compile("Function properties for (.+)");
  private static final Pattern STACK =
      Pattern.compile(
          ".*?(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  private static final Pattern USED = Pattern.compile("Used (\\d+) registers\\b(.*)");
  private static final Pattern SHARED = Pattern.compile("\\b(\\d+)(?:\\+(\\d+))? bytes smem");
  private static final Pattern GLOBAL = Pattern.compile("\\d+ bytes gmem\\b.*");

  /**
   * Reads the information of a successful run.
   *
   * @throws AssemblyException where an entry's costs are missing, since the text is then of a form
   *     this class does not know
   */
  static AssemblerLog parse(String text) {
    List<Assembly.Entry> entries = new ArrayList<>();
    List<Notice> notices = new ArrayList<>();
    Optional<String> entry = Optional.empty();
    Optional<String> function = Optional.empty();
    Optional<Matcher> stack = Optional.empty();
    for (String line : text.lines().filter(l -> !l.isBlank()).toList()) {
      Matcher frame = STACK.matcher(line);
      Optional<Notice> notice = notice(line);
      String message = notice.map(Notice::message).orElse("");
      Matcher compiling = ENTRY.matcher(message);
      Matcher properties = PROPERTIES.matcher(message);
      Matcher used = USED.matcher(message);
      if (frame.matches()) {
        if (function.equals(entry)) {
          stack = Optional.of(frame);
        } // Else of a device function, which counts to its callers.
      } else if (compiling.matches()) {
        requireClosed(entry);
        entry = Optional.of(compiling.group(1));
        stack = Optional.empty();
      } else if (properties.matches()) {
        function = Optional.of(properties.group(1).strip());
      } else if (used.matches()) {
        if (entry.isEmpty() || stack.isEmpty()) {
          throw unknown(line);
        }
        entries.add(entry(entry.get(), stack.get(), used));
        entry = Optional.empty();
      } else if (notice.isEmpty()) {
        notices.add(new Notice(Severity.INFO, Optional.empty(), OptionalInt.empty(), line.strip()));
      } else if (!GLOBAL.matcher(message).matches()) {
        notices.add(notice.get());
      }
    }
    requireClosed(entry);
    return new AssemblerLog(entries, notices);
  }

  /** The messages of a run that failed; the closing remark that it did is left out. */
  static List<Notice> errors(String text) {
    List<Notice> all =
        text.lines()
            .filter(line -> !line.isBlank())
            .map(
                line ->
                    notice(line)
                        .orElseGet(
                            () ->
                                new Notice(
                                    Severity.ERROR,
                                    Optional.empty(),
                                    OptionalInt.empty(),
                                    line.strip())))
            .toList();
    List<Notice> telling =
        all.stream().filter(n -> !n.message().startsWith("Ptx assembly aborted")).toList();
    return telling.isEmpty() ? all : telling;
  }

  private static Optional<Notice> notice(String line) {
    Matcher matcher = LINE.matcher(line.strip());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    Severity severity =
        switch (matcher.group(2)) {
          case "info" -> Severity.INFO;
          case "warning" -> Severity.WARNING;
          default -> Severity.ERROR;
        };
    OptionalInt at =
        matcher.group(1) == null
            ? OptionalInt.empty()
            : OptionalInt.of(Integer.parseInt(matcher.group(1)));
    Matcher code = CODE.matcher(matcher.group(3));
    return Optional.of(
        code.matches()
            ? new Notice(severity, Optional.of(code.group(1)), at, code.group(2))
            : new Notice(severity, Optional.empty(), at, matcher.group(3)));
  }

  private static Assembly.Entry entry(String name, Matcher stack, Matcher used) {
    Matcher shared = SHARED.matcher(used.group(2));
    int sharedBytes = 0;
    if (shared.find()) {
      sharedBytes = Integer.parseInt(shared.group(1));
      if (shared.group(2) != null) {
        sharedBytes += Integer.parseInt(shared.group(2));
      }
    }
    return new Assembly.Entry(
        name,
        Integer.parseInt(used.group(1)),
        Integer.parseInt(stack.group(2)),
        Integer.parseInt(stack.group(3)),
        Integer.parseInt(stack.group(1)),
        sharedBytes);
  }

  private static void requireClosed(Optional<String> entry) {
    if (entry.isPresent()) {
      throw new AssemblyException(
          "the assembler did not say what entry '%s' costs".formatted(entry.get()));
    }
  }

  private static AssemblyException unknown(String line) {
    return new AssemblyException("the assembler said something unexpected: " + line.strip());
  }
}
