package dev.attune.ptx.assemble;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeStoreTest {
  private static final NativeLibrary LIBRARY = NativeLibrary.CUDA_DRIVER;

  @TempDir Path cache;

  @Test
  void unpacksOnceIntoPrivateDirectories() throws IOException {
    NativeStore store = new NativeStore(cache);
    NativeStore.Unpacked first = store.unpack(LIBRARY);
    Object written = Files.getLastModifiedTime(first.file());
    assertFalse(first.temporary());
    assertEquals(first, store.unpack(LIBRARY));
    assertEquals(written, Files.getLastModifiedTime(first.file()));
    Path directory = cache;
    for (String name : List.of("attune", "natives", LIBRARY.sha256())) {
      directory = directory.resolve(name);
      assertEquals(
          "rwx------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)),
          directory.toString());
    }
    try (Stream<Path> files = Files.list(first.file().getParent())) {
      assertEquals(List.of(first.file()), files.toList());
    }
  }

  @Test
  void replacesADamagedFile() throws IOException {
    NativeStore store = new NativeStore(cache);
    Path file = store.unpack(LIBRARY).file();
    byte[] good = Files.readAllBytes(file);
    byte[] bad = good.clone();
    bad[bad.length / 2] ^= 1;
    Files.write(file, bad);
    assertEquals(file, store.unpack(LIBRARY).file());
    assertEquals(-1, Files.mismatch(file, Files.write(cache.resolve("good"), good)));
  }

  @Test
  void refusesDirectoriesOthersCanWrite() throws IOException {
    Path attune = Files.createDirectory(cache.resolve("attune"));
    Files.setPosixFilePermissions(attune, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertFallsBack();
  }

  @Test
  void refusesSymbolicLinks() throws IOException {
    Path elsewhere = Files.createDirectory(cache.resolve("elsewhere"));
    Files.createSymbolicLink(cache.resolve("attune"), elsewhere);
    assertFallsBack();
  }

  @Test
  void refusesASymbolicLinkAsTheFile() throws IOException {
    NativeStore store = new NativeStore(cache);
    Path file = store.unpack(LIBRARY).file();
    Path moved = Files.move(file, cache.resolve("moved"));
    Files.createSymbolicLink(file, moved);
    assertEquals(file, store.unpack(LIBRARY).file());
    assertFalse(Files.isSymbolicLink(file));
  }

  private void assertFallsBack() throws IOException {
    NativeStore.Unpacked unpacked = new NativeStore(cache).unpack(LIBRARY);
    assertTrue(unpacked.temporary());
    assertFalse(unpacked.file().startsWith(cache.toRealPath()));
    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(unpacked.file().getParent())));
    Files.delete(unpacked.file());
    Files.delete(unpacked.file().getParent());
  }

  @Test
  void explainsWhatIsMissing() {
    Path file = Path.of("/cache/libJCudaDriver.so");
    assertEquals(
        "cannot load libJCudaDriver.so: libcuda.so.1: cannot open shared object file;"
            + " install the NVIDIA driver",
        NativeLibraries.explain(
            file,
            """
            Error while loading native library "JCudaDriver"
            java.lang.UnsatisfiedLinkError: no JCudaDriver in java.library.path: /usr/lib
            \tat java.base/java.lang.System.loadLibrary
            java.lang.UnsatisfiedLinkError: /cache/libJCudaDriver.so: libcuda.so.1: cannot open shared object file
            \tat java.base/java.lang.System.load
            """));
    assertEquals(
        "assembling PTX and using CUDA need Linux on x86-64, but this is Mac OS X on aarch64",
        assertThrows(
                NativeLibraryException.class,
                () -> NativeLibraries.requirePlatform("Mac OS X", "aarch64"))
            .getMessage());
  }

  /** Prints the temporary directory before and after, and the assembler's version. */
  static final class Probe {
    private Probe() {}

    public static void main(String[] args) {
      String before = System.getProperty("java.io.tmpdir");
      String version = Assembler.version();
      System.out.println(version + " " + before.equals(System.getProperty("java.io.tmpdir")));
    }
  }

  @Test
  void processesThatStartTogetherDoNotDisturbEachOther() throws Exception {
    Path tmp = Files.createDirectory(cache.resolve("tmp"));
    // What JCuda's own loader would trust: a planted file in the temporary directory.
    Files.writeString(tmp.resolve(NativeLibrary.PTX_COMPILER.fileName()), "planted");
    List<Process> processes = IntStream.range(0, 3).mapToObj(i -> start(tmp)).toList();
    for (Process process : processes) {
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      assertEquals("12.0 true", output);
      assertEquals(0, process.waitFor());
    }
    try (Stream<Path> left = Files.list(tmp)) {
      assertEquals(
          List.of(NativeLibrary.PTX_COMPILER.fileName()),
          left.map(p -> p.getFileName().toString()).filter(n -> !n.startsWith("hsperf")).toList());
    }
  }

  private Process start(Path tmp) {
    try {
      ProcessBuilder builder =
          new ProcessBuilder(
                  System.getProperty("java.home")
                      + File.separator
                      + "bin"
                      + File.separator
                      + "java",
                  "--enable-native-access=ALL-UNNAMED",
                  "-Djava.io.tmpdir=" + tmp,
                  "-cp",
                  System.getProperty("java.class.path"),
                  Probe.class.getName())
              .redirectErrorStream(true);
      builder.environment().put("XDG_CACHE_HOME", cache.resolve("shared").toString());
      return builder.start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
