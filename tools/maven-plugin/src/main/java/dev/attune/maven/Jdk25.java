package dev.attune.maven;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.toolchain.Toolchain;
import org.apache.maven.toolchain.ToolchainManager;

/** Finds the JDK that the compiler runs on. */
final class Jdk25 {
  private static final int LEAST = 25;

  private Jdk25() {}

  /**
   * The {@code java} of the build's toolchain if it is recent enough, of another toolchain, of
   * Maven's own JVM, or of what the environment names.
   *
   * @throws MojoFailureException where there is none
   */
  static String java(ToolchainManager toolchains, MavenSession session)
      throws MojoFailureException {
    Stream<Toolchain> known =
        Stream.concat(
            Stream.ofNullable(toolchains.getToolchainFromBuildContext("jdk", session)),
            toolchains.getToolchains(session, "jdk", Map.of("version", "[25,)")).stream());
    Stream<Path> homes =
        Stream.of(
                Optional.ofNullable(System.getProperty("java.home")),
                Optional.ofNullable(System.getenv("JAVA25_HOME")),
                Optional.ofNullable(System.getenv("JAVA_HOME")))
            .flatMap(Optional::stream)
            .map(Path::of);
    return find(
            known.map(t -> t.findTool("java")).filter(Objects::nonNull).toList(), homes.toList())
        .orElseThrow(
            () ->
                new MojoFailureException(
                    "Attune needs a JDK 25 to compile specs (Maven runs on %s): install one and set"
                            .formatted(System.getProperty("java.version"))
                        + " JAVA25_HOME to it, or let maven-toolchains-plugin select one"));
  }

  /** The first {@code java} that is recent enough. */
  static Optional<String> find(List<String> tools, List<Path> homes) {
    Stream<Path> all =
        Stream.concat(
            tools.stream().map(Path::of),
            homes.stream().map(home -> home.resolve("bin").resolve(executable())));
    return all.filter(java -> Files.isExecutable(java) && version(java) >= LEAST)
        .map(Path::toString)
        .findFirst();
  }

  private static String executable() {
    return System.getProperty("os.name", "").startsWith("Windows") ? "java.exe" : "java";
  }

  /** The feature version in the release file of a JDK; 0 where there is none. */
  private static int version(Path java) {
    try {
      Path bin = java.toRealPath().getParent();
      Path home = bin == null ? null : bin.getParent();
      if (home == null) {
        return 0;
      }
      Properties release = new Properties();
      try (var in = Files.newInputStream(home.resolve("release"))) {
        release.load(in);
      }
      String version = release.getProperty("JAVA_VERSION", "").replace("\"", "");
      return Integer.parseInt(version.split("[^0-9]", 2)[0]);
    } catch (IOException | NumberFormatException e) {
      return 0;
    }
  }
}
