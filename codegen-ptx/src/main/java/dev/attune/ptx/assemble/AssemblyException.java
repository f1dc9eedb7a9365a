package dev.attune.ptx.assemble;

import java.util.List;
import java.util.stream.Collectors;

/** The assembler refused the PTX or the target, or did not take a kernel as it was written. */
public final class AssemblyException extends RuntimeException {
  private static final int SHOWN = 8;

  private final transient List<Notice> errors;

  AssemblyException(String message) {
    super(message);
    errors = List.of();
  }

  /** A refusal of PTX, whose lines are quoted. */
  AssemblyException(String target, List<Notice> errors, String ptx) {
    super(
        "the assembler refused the PTX for %s:%n%s%s"
            .formatted(
                target,
                errors.stream()
                    .limit(SHOWN)
                    .map(e -> "  " + e + quote(e, ptx))
                    .collect(Collectors.joining("\n")),
                errors.size() > SHOWN ? "\n  and " + (errors.size() - SHOWN) + " more" : "")
            .replace("\r\n", "\n"));
    this.errors = List.copyOf(errors);
  }

  /** The assembler's errors, in its order; empty where it did not get as far as the PTX. */
  public List<Notice> errors() {
    return errors;
  }

  private static String quote(Notice error, String ptx) {
    if (error.line().isEmpty()) {
      return "";
    }
    return ptx.lines()
        .skip(error.line().getAsInt() - 1L)
        .findFirst()
        .map(text -> "\n    " + text.strip())
        .orElse("");
  }
}
