package dev.attune.cli;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Rendering;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code attune check}: every diagnostic of every file. */
@Command(
    name = "check",
    description = "Shows what is wrong with .attn files.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class CheckCommand implements Callable<Integer> {

  /** How diagnostics are written. */
  enum Format {
    TERMINAL,
    LINE,
    JSON
  }

  private final Terminal terminal;

  @Parameters(
      arity = "1..*",
      paramLabel = "FILE",
      description = "Files, or built-in specs by name.")
  private List<String> files = new ArrayList<>();

  @Option(
      names = "--format",
      defaultValue = "terminal",
      paramLabel = "FORMAT",
      description = "terminal (excerpts), line (one line each) or json, to standard output.")
  private Format format = Format.TERMINAL;

  CheckCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    boolean ok = true;
    List<Diagnostic> all = new ArrayList<>();
    for (String file : files) {
      try {
        Checked checked = SpecFiles.check(SpecFiles.find(file));
        ok &= checked.ok();
        switch (format) {
          case TERMINAL -> {
            SpecFiles.show(terminal, checked.diagnostics());
            terminal.out().println(file + ": " + summary(checked));
          }
          case LINE ->
              checked.diagnostics().forEach(d -> terminal.out().println(Rendering.line(d)));
          case JSON -> all.addAll(checked.diagnostics());
        }
      } catch (CliException e) {
        terminal.error(String.valueOf(e.getMessage()));
        ok = false;
      }
    }
    if (format == Format.JSON) {
      terminal.out().println(Rendering.json(all));
    }
    return ok ? Main.OK : Main.FAILED;
  }

  private static String summary(Checked checked) {
    if (!checked.ok()) {
      return SpecFiles.count(checked.diagnostics());
    }
    int warnings = checked.diagnostics().size();
    return "ok ("
        + checked.specs().stream().map(AttentionSpec::name).collect(Collectors.joining(", "))
        + ")"
        + (warnings == 0 ? "" : ", %d warning%s".formatted(warnings, warnings == 1 ? "" : "s"));
  }
}
