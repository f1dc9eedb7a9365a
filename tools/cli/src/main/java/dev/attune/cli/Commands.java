package dev.attune.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;

/** The commands by name. */
final class Commands {
  private Commands() {}

  /**
   * The command line for some arguments. Where they begin with a command, only that one is looked
   * at: reading the options of all of them takes longer than checking a file.
   */
  static CommandLine line(Terminal terminal, String... arguments) {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("check", () -> new CheckCommand(terminal));
    commands.put("compile", () -> new CompileCommand(terminal));
    commands.put("generate", () -> new GenerateCommand(terminal));
    commands.put("run", () -> new RunCommand(terminal));
    commands.put("bench", () -> new BenchCommand(terminal));
    commands.put("tune", () -> new TuneCommand(terminal));
    commands.put("explain", () -> new ExplainCommand(terminal));
    commands.put("specs", () -> new SpecsCommand(terminal));
    commands.put("doctor", () -> new DoctorCommand(terminal));
    commands.put("completion", () -> new CompletionCommand(terminal));
    CommandLine line = new CommandLine(new AttuneCommand());
    String first = arguments.length > 0 ? arguments[0] : "";
    commands.forEach(
        (name, command) -> {
          if (name.equals(first) || !commands.containsKey(first)) {
            line.addSubcommand(name, command.get());
          }
        });
    return line;
  }
}
