package dev.attune.ptx.assemble;

import dev.attune.ptx.files.PrivateDirectory;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Native libraries unpacked to files that nobody else can have written.
 *
 * <p>A library lives in {@code <cache>/attune/natives/<sha256>/}. The directories from {@code
 * attune} down are created with mode 0700 and used only if they are real directories of the current
 * user without write permission for anybody else. A file appears by an atomic move of a completely
 * written one, so that any number of processes may start at once, and its SHA-256 is computed anew
 * before every use. Where the cache cannot be trusted or written, a fresh temporary directory with
 * mode 0700 takes its place.
 */
final class NativeStore {
  private final Path cache;

  /** A store below a cache directory, which need not exist. */
  NativeStore(Path cache) {
    this.cache = cache;
  }

  /** The store below {@code $XDG_CACHE_HOME}, or {@code ~/.cache} where that is not set. */
  static NativeStore ofUser() {
    String configured = System.getenv("XDG_CACHE_HOME");
    return new NativeStore(
        configured != null && Path.of(configured).isAbsolute()
            ? Path.of(configured)
            : Path.of(System.getProperty("user.home"), ".cache"));
  }

  /**
   * A verified file.
   *
   * @param temporary whether the file and its directory are for this process alone
   */
  record Unpacked(Path file, boolean temporary) {}

  /** The library as a file whose bytes have been verified. */
  Unpacked unpack(NativeLibrary library) throws IOException {
    try {
      Path directory = cache;
      for (String name : new String[] {"attune", "natives", library.sha256()}) {
        directory = PrivateDirectory.require(directory.resolve(name));
      }
      return new Unpacked(fileIn(directory, library), false);
    } catch (IOException | SecurityException | UnsupportedOperationException e) {
      return new Unpacked(fileIn(Files.createTempDirectory("attune-"), library), true);
    }
  }

  private static Path fileIn(Path directory, NativeLibrary library) throws IOException {
    Path file = directory.resolve(library.fileName());
    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && sha256(file).equals(library.sha256())) {
      return file;
    }
    Path fresh = Files.createTempFile(directory, library.fileName(), ".tmp");
    try {
      try (InputStream in = NativeStore.class.getResourceAsStream(library.resource())) {
        if (in == null) {
          throw new NativeLibraryException(
              "the class path has no %s; it comes with jcuda-natives, classifier linux-x86_64"
                  .formatted(library.resource()));
        }
        try (OutputStream out = Files.newOutputStream(fresh)) {
          in.transferTo(out);
        }
      }
      String found = sha256(fresh);
      if (!found.equals(library.sha256())) {
        throw new NativeLibraryException(
            "%s on the class path has SHA-256 %s, expected %s: use jcuda-natives 12.6.0 from Maven Central"
                .formatted(library.resource(), found, library.sha256()));
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      return file;
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private static String sha256(Path file) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
        in.transferTo(OutputStream.nullOutputStream());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
