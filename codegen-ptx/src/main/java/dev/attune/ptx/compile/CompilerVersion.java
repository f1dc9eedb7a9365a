package dev.attune.ptx.compile;

import dev.attune.compiler.spec.AttentionSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Which compiler this is: other code has another identity, even under the same version number. It
 * is a hash of the names, sizes and checksums of everything in the jars or class folders that the
 * code is loaded from.
 */
public final class CompilerVersion {
  private CompilerVersion() {}

  /** The compiler itself and every family, computed once. */
  private static final class Own {
    static final String ID =
        of(
            Stream.concat(
                    Stream.of(AttentionSpec.class, CompilerVersion.class),
                    Candidates.families().stream().map(Object::getClass))
                .toArray(Class<?>[]::new));
  }

  /**
   * The identity of all that makes PTX of a spec, families that others have added included: 64
   * hexadecimal digits.
   */
  public static String id() {
    return Own.ID;
  }

  /**
   * The identity of the code that some classes were loaded with. Where that cannot be looked at, an
   * identity that no other process has.
   *
   * @param classes one of each jar or class folder
   */
  public static String of(Class<?>... classes) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      Set<Path> locations = new LinkedHashSet<>();
      for (Class<?> type : classes) {
        locations.add(location(type));
      }
      for (Path location : locations) {
        contents(location)
            .forEach(
                (name, content) ->
                    digest.update((name + "\0" + content + "\n").getBytes(StandardCharsets.UTF_8)));
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException | UncheckedIOException e) {
      UUID process = UUID.randomUUID();
      return "%016x%016x"
          .formatted(process.getMostSignificantBits(), process.getLeastSignificantBits())
          .repeat(2);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static Path location(Class<?> type) throws IOException {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      throw new IOException("no location of " + type);
    }
    try {
      return Path.of(source.getLocation().toURI());
    } catch (URISyntaxException | IllegalArgumentException | SecurityException e) {
      throw new IOException("no file at " + source.getLocation(), e);
    }
  }

  /** Size and CRC-32 by name, of the files in a jar or a folder. */
  static Map<String, String> contents(Path location) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    if (Files.isDirectory(location)) {
      try (Stream<Path> files = Files.walk(location)) {
        for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
          byte[] bytes = Files.readAllBytes(file);
          CRC32 crc = new CRC32();
          crc.update(bytes);
          String name = location.relativize(file).toString().replace('\\', '/');
          contents.put(name, bytes.length + " " + crc.getValue());
        }
      }
    } else {
      try (ZipFile jar = new ZipFile(location.toFile())) {
        jar.stream()
            .filter(entry -> !entry.isDirectory())
            .forEach((ZipEntry e) -> contents.put(e.getName(), e.getSize() + " " + e.getCrc()));
      }
    }
    return contents;
  }
}
