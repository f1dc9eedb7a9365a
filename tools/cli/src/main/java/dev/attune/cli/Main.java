package dev.attune.cli;

import dev.attune.ptx.artifact.ArtifactException;
import dev.attune.ptx.assemble.AssemblyException;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.LaunchException;
import dev.attune.runtime.NpyException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine;

/** The {@code attune} command. */
public final class Main {
  /** Everything is as asked for. */
  static final int OK = 0;

  /** A mismatch, a diagnostic or a refusal. */
  static final int FAILED = 1;

  /** A command line that cannot be understood. */
  static final int USAGE = 2;

  private Main() {}

  /** Runs one command and leaves with its exit code. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    int code = run(new Terminal(out, err, Boolean.getBoolean("attune.colour")), args);
    out.flush();
    err.flush();
    System.exit(code);
  }

  /** Runs one command and returns its exit code; never throws. */
  static int run(Terminal terminal, String... args) {
    try {
      CommandLine line = new CommandLine(new AttuneCommand(), new Commands(terminal));
      line.setOut(terminal.writer(terminal.out()));
      line.setErr(terminal.writer(terminal.err()));
      line.setParameterExceptionHandler((e, ignored) -> usage(terminal, e));
      line.setExecutionExceptionHandler((e, command, ignored) -> failure(terminal, e, args));
      line.setCaseInsensitiveEnumValuesAllowed(true);
      return line.execute(args);
    } catch (Throwable e) {
      return failure(terminal, e, args);
    }
  }

  private static int usage(Terminal terminal, CommandLine.ParameterException e) {
    terminal.error(String.valueOf(e.getMessage()));
    StringWriter suggestions = new StringWriter();
    PrintWriter writer = new PrintWriter(suggestions);
    CommandLine.UnmatchedArgumentException.printSuggestions(e, writer);
    writer.flush();
    suggestions.toString().lines().forEach(terminal.err()::println);
    terminal
        .err()
        .println("try '%s --help'".formatted(e.getCommandLine().getCommandSpec().qualifiedName()));
    return USAGE;
  }

  private static int failure(Terminal terminal, Throwable e, String... args) {
    switch (e) {
      case CliException _,
          DeviceException _,
          LaunchException _,
          NpyException _,
          ArtifactException _,
          AssemblyException _,
          NativeLibraryException _ ->
          terminal.error(String.valueOf(e.getMessage()));
      case UsageException usage -> {
        terminal.error(String.valueOf(usage.getMessage()));
        return USAGE;
      }
      case OutOfMemoryError memory ->
          terminal.error(
              "not enough memory for this problem: ask for smaller sizes, or give the program more"
                  + " with ATTUNE_JAVA_OPTIONS=-Xmx8g");
      default -> {
        terminal.error(
            "internal error (%s); please report it with the command: attune %s"
                .formatted(
                    e.getClass().getSimpleName(),
                    Arrays.stream(args).map(Main::quoted).collect(Collectors.joining(" "))));
      }
    }
    if ("1".equals(System.getenv("ATTUNE_DEBUG"))) {
      e.printStackTrace(terminal.err());
    }
    return FAILED;
  }

  /** An argument as a shell takes it. */
  static String quoted(String argument) {
    return argument.matches("[A-Za-z0-9_@%+=:,./-]+")
        ? argument
        : "'" + argument.replace("'", "'\\''") + "'";
  }
}
