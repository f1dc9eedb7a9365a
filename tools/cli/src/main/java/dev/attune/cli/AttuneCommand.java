package dev.attune.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What {@code attune} without a command says. */
@Command(
    name = "attune",
    description = "Compiles attention: .attn files become checked, fused GPU kernels.",
    mixinStandardHelpOptions = true,
    version = "attune 0.1.0",
    synopsisSubcommandLabel = "COMMAND")
final class AttuneCommand implements Runnable {
  @Spec private @org.jspecify.annotations.Nullable CommandSpec command;

  @Override
  public void run() {
    throw new ParameterException(
        java.util.Objects.requireNonNull(command).commandLine(),
        "expected a command: check, compile, run, explain, specs or doctor");
  }
}
