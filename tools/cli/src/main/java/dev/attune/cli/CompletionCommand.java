package dev.attune.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;

/** {@code attune completion}: what a shell completes. */
@Command(
    name = "completion",
    description = {
      "Prints completions for bash and zsh, to be read by the shell:",
      "  source <(attune completion)"
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class CompletionCommand implements Callable<Integer> {
  private final Terminal terminal;

  CompletionCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    terminal.out().print(AutoComplete.bash("attune", Commands.line(terminal)));
    return Main.OK;
  }
}
