package dev.attune.maven;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One run of the {@code attune} command in a JVM of its own.
 *
 * @param code its exit code
 * @param lines what it wrote
 */
record Fork(int code, List<String> lines) {

  /**
   * Runs a command and waits for it.
   *
   * @param java the launcher of a JDK 25
   * @param work a folder for the file of arguments
   */
  static Fork run(String java, List<File> classPath, Path work, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>();
    all.add("--enable-native-access=ALL-UNNAMED");
    all.add("-XX:+UseSerialGC");
    all.add("-Dstdout.encoding=UTF-8");
    all.add("-cp");
    all.add(classPath.stream().map(File::getPath).collect(Collectors.joining(File.pathSeparator)));
    all.add("dev.attune.cli.Main");
    all.addAll(arguments);
    Files.createDirectories(work);
    Path file = Files.createTempFile(work, "attune", ".args");
    try {
      // The launcher reads the file in the encoding of the file system's names.
      Files.write(file, all.stream().map(Fork::quoted).toList(), nativeCharset());
      Process process = new ProcessBuilder(java, "@" + file).redirectErrorStream(true).start();
      List<String> lines = new ArrayList<>();
      try (BufferedReader out =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        out.lines().forEach(lines::add);
      }
      return new Fork(process.waitFor(), lines);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static Charset nativeCharset() {
    return Charset.forName(System.getProperty("sun.jnu.encoding", StandardCharsets.UTF_8.name()));
  }

  private static String quoted(String argument) {
    return "\"" + argument.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
