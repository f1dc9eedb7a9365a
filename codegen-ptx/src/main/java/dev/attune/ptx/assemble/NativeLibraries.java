package dev.attune.ptx.assemble;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Loads JCuda's native libraries from files that have been verified.
 *
 * <p>JCuda's own loader first asks {@link System#loadLibrary}, that is {@code java.library.path},
 * which the JVM reads once at its start; then it takes {@code <java.io.tmpdir>/<file name>}, which
 * it writes if it is missing and trusts if it is there. The second step is unsafe where others can
 * write to the temporary directory, and it breaks when two JVMs start at once. So the verified file
 * is put where that step looks: while the JCuda class initialises, and only then, {@code
 * java.io.tmpdir} names the directory of a {@link NativeStore}. The JDK itself is not disturbed: it
 * reads that property once, before. A library found on {@code java.library.path} is the choice of
 * who set it, and is respected.
 *
 * <p>Loading the file here with {@link System#load} would not do: JCuda's loader would still write
 * and load its own copy.
 */
public final class NativeLibraries {
  private static final String TMPDIR = "java.io.tmpdir";
  private static final Map<NativeLibrary, String> FAILED = new EnumMap<>(NativeLibrary.class);

  private NativeLibraries() {}

  /**
   * Makes the JCuda class of a library usable; does nothing the second time.
   *
   * @throws NativeLibraryException saying in one sentence why not; the same one on every later call
   */
  public static synchronized void load(NativeLibrary library) {
    String failed = FAILED.get(library);
    if (failed != null) {
      throw new NativeLibraryException(failed);
    }
    try {
      initialize(library);
    } catch (NativeLibraryException e) {
      FAILED.put(library, String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private static void initialize(NativeLibrary library) {
    requirePlatform(System.getProperty("os.name"), System.getProperty("os.arch"));
    ClassLoader loader = NativeLibraries.class.getClassLoader();
    String before = System.getProperty(TMPDIR);
    NativeStore.Unpacked unpacked;
    try {
      // JDK classes that remember the temporary directory must see the real one.
      Files.deleteIfExists(Files.createTempFile("attune-", ".tmp"));
      unpacked = NativeStore.ofUser().unpack(library);
    } catch (IOException e) {
      throw new NativeLibraryException(
          "cannot unpack %s: %s; make $XDG_CACHE_HOME or the temporary directory writable"
              .formatted(library.fileName(), e),
          e);
    }
    Path directory = unpacked.file().toAbsolutePath().getParent();
    try {
      System.setProperty(TMPDIR, String.valueOf(directory));
      Class.forName(library.className(), true, loader);
    } catch (UnsatisfiedLinkError e) {
      throw new NativeLibraryException(explain(unpacked.file(), e.getMessage()), e);
    } catch (LinkageError | ClassNotFoundException e) {
      throw new NativeLibraryException("cannot load %s: %s".formatted(library.className(), e), e);
    } finally {
      restore(before);
      if (unpacked.temporary()) {
        discard(unpacked.file());
      }
    }
  }

  /** Refuses platforms without natives. */
  static void requirePlatform(String os, String arch) {
    if (!os.toLowerCase(Locale.ROOT).startsWith("linux") || !arch.equals("amd64")) {
      throw new NativeLibraryException(
          "assembling PTX and using CUDA need Linux on x86-64, but this is %s on %s"
              .formatted(os, arch));
    }
  }

  /** One sentence out of the text with nested traces that JCuda's loader throws. */
  static String explain(Path file, @Nullable String message) {
    String text = message == null ? "no reason given" : message;
    String marker = file + ": ";
    String reason =
        text.lines()
            .filter(line -> line.contains(marker))
            .map(line -> line.substring(line.indexOf(marker) + marker.length()).strip())
            .findFirst()
            .orElseGet(() -> text.lines().findFirst().orElse(text));
    String help =
        reason.contains("libstdc++") || reason.contains("libgcc_s")
            ? "install the C++ runtime (package libstdc++6 or libstdc++)"
            : reason.contains("libcuda")
                ? "install the NVIDIA driver"
                : reason.contains("map segment") || reason.contains("not permitted")
                    ? "set XDG_CACHE_HOME to a directory on a file system that is not mounted"
                        + " noexec"
                    : "glibc and libstdc++ are needed";
    return "cannot load %s: %s; %s".formatted(file.getFileName(), reason, help);
  }

  private static void restore(@Nullable String before) {
    if (before == null) {
      System.clearProperty(TMPDIR);
    } else {
      System.setProperty(TMPDIR, before);
    }
  }

  private static void discard(Path file) {
    try {
      Files.deleteIfExists(file); // Stays mapped.
      Files.deleteIfExists(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      System.getLogger(NativeLibraries.class.getName())
          .log(System.Logger.Level.DEBUG, "left behind: {0}", e.getMessage());
    }
  }
}
