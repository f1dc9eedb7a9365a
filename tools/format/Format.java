import com.google.googlejavaformat.java.Formatter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Formats every Java source under a directory with google-java-format, or lists those that differ.
 *
 * <p>Usage: {@code java -cp google-java-format-all-deps.jar Format.java check|write DIR}. With
 * {@code check} the exit code is 1 when a file is not formatted.
 */
final class Format {
  private Format() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 2 || !List.of("check", "write").contains(args[0])) {
      System.err.println("usage: Format.java check|write DIR");
      System.exit(2);
    }
    boolean write = args[0].equals("write");
    Path root = Path.of(args[1]);
    Formatter formatter = new Formatter();
    List<Path> wrong = new ArrayList<>();
    for (Path file : sources(root)) {
      String before = Files.readString(file);
      String after = formatter.formatSourceAndFixImports(before);
      if (!after.equals(before)) {
        wrong.add(root.relativize(file));
        if (write) {
          Files.writeString(file, after);
        }
      }
    }
    for (Path file : wrong) {
      System.err.println((write ? "formatted " : "not formatted: ") + file);
    }
    if (!write && !wrong.isEmpty()) {
      System.err.println("run: mvn -Pformat -N validate");
      System.exit(1);
    }
  }

  private static List<Path> sources(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(f -> f.toString().endsWith(".java"))
          .filter(f -> !root.relativize(f).toString().contains("target/"))
          .sorted()
          .toList();
    }
  }
}
