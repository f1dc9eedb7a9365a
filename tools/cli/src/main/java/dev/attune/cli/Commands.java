package dev.attune.cli;

import picocli.CommandLine;

/** Makes the commands: each writes to the one terminal. */
record Commands(Terminal terminal) implements CommandLine.IFactory {
  @Override
  public <K> K create(Class<K> type) throws Exception {
    Object command =
        type == CheckCommand.class
            ? new CheckCommand(terminal)
            : type == CompileCommand.class
                ? new CompileCommand(terminal)
                : type == RunCommand.class
                    ? new RunCommand(terminal)
                    : type == ExplainCommand.class
                        ? new ExplainCommand(terminal)
                        : type == SpecsCommand.class
                            ? new SpecsCommand(terminal)
                            : type == DoctorCommand.class
                                ? new DoctorCommand(terminal)
                                : CommandLine.defaultFactory().create(type);
    return type.cast(command);
  }
}
