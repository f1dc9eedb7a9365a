package dev.attune.cli;

import dev.attune.specs.SpecLibrary;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code attune specs}: the library, one line each. */
@Command(name = "specs", description = "Lists the built-in specs.", mixinStandardHelpOptions = true)
final class SpecsCommand implements Callable<Integer> {
  private final Terminal terminal;

  SpecsCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    int width = SpecLibrary.names().stream().mapToInt(String::length).max().orElse(0);
    for (String name : SpecLibrary.names()) {
      terminal
          .out()
          .println(
              name + " ".repeat(width + 2 - name.length()) + SpecLibrary.summary(name).orElse(""));
    }
    return Main.OK;
  }
}
