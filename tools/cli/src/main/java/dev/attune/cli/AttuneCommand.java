package dev.attune.cli;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
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
  @Spec private @Nullable CommandSpec command;

  @Override
  public void run() {
    throw new ParameterException(
        Objects.requireNonNull(command).commandLine(),
        "expected a command: check, compile, generate, run, bench, tune, explain, specs, doctor or"
            + " completion");
  }
}
