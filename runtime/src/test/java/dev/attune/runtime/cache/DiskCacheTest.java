package dev.attune.runtime.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskCacheTest {
  private static final Key KEY = Key.of("cubin", "some ptx", "a driver");

  @TempDir Path home;

  private DiskCache open() {
    return DiskCache.at(home.resolve("attune"));
  }

  private static Path file(DiskCache cache, Key key) {
    return cache.directory().orElseThrow().resolve(key.fileName());
  }

  private static byte[] payload(int seed) {
    byte[] bytes = new byte[10_000];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static void assertHolds(DiskCache cache, Key key, byte[] payload) {
    assertArrayEquals(payload, cache.get(key).orElseThrow());
  }

  /** A damaged entry is gone, from the disk as well, and can be written again. */
  private static void assertRejected(DiskCache cache, Path damaged) {
    assertEquals(Optional.empty(), cache.get(KEY));
    assertFalse(Files.exists(damaged, java.nio.file.LinkOption.NOFOLLOW_LINKS));
    cache.put(KEY, payload(9));
    assertHolds(cache, KEY, payload(9));
  }

  @Test
  void keepsWhatItIsGiven() throws IOException {
    DiskCache cache = open();
    assertEquals(Optional.empty(), cache.get(KEY));
    cache.put(KEY, payload(1));
    assertHolds(cache, KEY, payload(1));
    assertHolds(open(), KEY, payload(1));
    cache.put(KEY, payload(2));
    assertHolds(cache, KEY, payload(2));
    Key empty = Key.of("pass", "x");
    cache.put(empty, new byte[0]);
    assertHolds(cache, empty, new byte[0]);
    assertEquals(
        new DiskCache.Usage(2, Files.size(file(cache, KEY)) + Files.size(file(cache, empty))),
        cache.usage());
    cache.clear();
    assertEquals(new DiskCache.Usage(0, 0), cache.usage());
    assertEquals(Optional.empty(), cache.get(KEY));
  }

  @Test
  void theSettingComesBeforeTheUsersDirectories() {
    Optional<String> set = Optional.of(home.resolve("set").toString());
    Optional<String> xdg = Optional.of(home.resolve("xdg").toString());
    Optional<String> none = Optional.empty();
    String user = home.resolve("user").toString();
    assertEquals(
        Optional.of(home.resolve("set/entries")), DiskCache.locate(set, xdg, user).directory());
    assertEquals(
        Optional.of(home.resolve("xdg/attune/entries")),
        DiskCache.locate(none, xdg, user).directory());
    for (Optional<String> useless : List.of(none, Optional.of("relative"))) {
      assertEquals(
          Optional.of(home.resolve("user/.cache/attune/entries")),
          DiskCache.locate(none, useless, user).directory());
    }
    DiskCache off = DiskCache.locate(Optional.of("OFF"), xdg, user);
    assertEquals(none.map(Path::of), off.directory());
    assertEquals("attune.cache or ATTUNE_CACHE says so", off.reason());
    assertTrue(
        DiskCache.locate(Optional.of("no\0path"), xdg, user)
            .reason()
            .startsWith("InvalidPathException"));
  }

  @Test
  void keysAreOfEveryPart() {
    Key key = Key.of("cubin", "ab", "c");
    assertEquals(key, Key.of("cubin", "ab", "c"));
    for (Key other :
        List.of(
            Key.of("ptx", "ab", "c"),
            Key.of("cubin", "a", "bc"),
            Key.of("cubin", "ab", "c", ""),
            Key.of("cubin", "abc"))) {
      assertNotEquals(key, other);
    }
    assertThrows(IllegalArgumentException.class, () -> new Key("../x", key.sha256()));
    assertThrows(IllegalArgumentException.class, () -> new Key("cubin", "../" + key.sha256()));
  }

  @Test
  void directoriesAndFilesAreOfTheUserAlone() throws IOException {
    DiskCache cache = open();
    cache.put(KEY, payload(1));
    for (Path directory : List.of(home.resolve("attune"), cache.directory().orElseThrow())) {
      assertEquals("rwx------", permissions(directory));
    }
    assertEquals("rw-------", permissions(file(cache, KEY)));
  }

  private static String permissions(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  @Test
  void everyFlippedBitIsFound() throws IOException {
    DiskCache cache = open();
    cache.put(KEY, "payload".getBytes(StandardCharsets.UTF_8));
    Path file = file(cache, KEY);
    byte[] good = Files.readAllBytes(file);
    for (int at = 0; at < good.length; at++) {
      byte[] bad = good.clone();
      bad[at] ^= (byte) (1 << at % 8);
      Files.write(file, bad);
      assertRejected(cache, file);
    }
    Files.write(file, good);
    assertHolds(cache, KEY, "payload".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void everyTruncationIsFound() throws IOException {
    DiskCache cache = open();
    cache.put(KEY, "payload".getBytes(StandardCharsets.UTF_8));
    Path file = file(cache, KEY);
    byte[] good = Files.readAllBytes(file);
    for (int length = 0; length < good.length; length++) {
      Files.write(file, Arrays.copyOf(good, length));
      assertRejected(cache, file);
    }
    Files.write(file, Arrays.copyOf(good, good.length + 1));
    assertRejected(cache, file);
  }

  @Test
  void foreignFilesAreDeleted() throws IOException {
    DiskCache cache = open();
    Path file = file(cache, KEY);
    Files.writeString(file, "#!/bin/sh\n".repeat(1000));
    assertRejected(cache, file);
  }

  @Test
  void anotherKeysEntryUnderThisNameIsDeleted() throws IOException {
    DiskCache cache = open();
    Key other = Key.of("cubin", "other ptx", "a driver");
    cache.put(other, payload(1));
    Files.move(file(cache, other), file(cache, KEY));
    assertRejected(cache, file(cache, KEY));
  }

  @Test
  void aLinkIsNoEntry() throws IOException {
    DiskCache cache = open();
    cache.put(KEY, payload(1));
    Path file = file(cache, KEY);
    Path elsewhere = Files.move(file, home.resolve("elsewhere"));
    Files.createSymbolicLink(file, elsewhere);
    assertRejected(cache, file);
    assertTrue(Files.exists(elsewhere));
  }

  private void assertOff(String reason) {
    DiskCache cache = open();
    assertEquals(Optional.empty(), cache.directory());
    assertTrue(cache.reason().contains(reason), cache.reason());
    cache.put(KEY, payload(1));
    assertEquals(Optional.empty(), cache.get(KEY));
    assertEquals(new DiskCache.Usage(0, 0), cache.usage());
  }

  @Test
  void aLinkedDirectoryIsRefused() throws IOException {
    Files.createSymbolicLink(
        home.resolve("attune"), Files.createDirectory(home.resolve("elsewhere")));
    assertOff("attune is not a directory");
  }

  @Test
  void aDirectoryThatOthersCanWriteIsRefused() throws IOException {
    for (String permissions : List.of("rwxrwx---", "rwx---rwx")) {
      Path directory = Files.createDirectories(home.resolve("attune"));
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
      assertOff("attune can be written by other users");
    }
    Files.setPosixFilePermissions(
        home.resolve("attune"), PosixFilePermissions.fromString("rwx------"));
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertOff("can be written by other users");
  }

  @Test
  void aDirectoryOfAnotherUserIsRefused() throws IOException {
    Path directory = Files.createDirectory(home.resolve("attune"));
    try {
      Files.setAttribute(directory, "unix:uid", 12345);
    } catch (IOException e) {
      Assumptions.abort("only root gives directories away");
    }
    assertOff("attune belongs to another user");
  }

  @Test
  void aHomeWithoutRoomIsNoCache() throws IOException {
    Files.writeString(home.resolve("attune"), "a file");
    assertOff("attune is not a directory");
    DiskCache cache = DiskCache.at(home.resolve("attune").resolve("below"));
    assertEquals(Optional.empty(), cache.directory());
  }

  @Test
  void aReadOnlyDirectoryIsStillRead() throws IOException {
    DiskCache cache = open();
    cache.put(KEY, payload(1));
    Path directory = cache.directory().orElseThrow();
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("r-x------"));
    try {
      DiskCache again = open();
      assertHolds(again, KEY, payload(1));
      again.put(Key.of("cubin", "more"), payload(2));
      assertHolds(again, KEY, payload(1));
    } finally {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    }
  }

  @Test
  void writesThatFailAreForgotten() throws IOException {
    DiskCache cache = open();
    Files.delete(cache.directory().orElseThrow());
    cache.put(KEY, payload(1));
    assertEquals(Optional.empty(), cache.get(KEY));
    // A directory with something in it cannot be replaced by a file.
    DiskCache again = open();
    Files.writeString(Files.createDirectory(file(again, KEY)).resolve("x"), "x");
    again.put(KEY, payload(1));
    assertEquals(Optional.empty(), again.get(KEY));
    try (Stream<Path> files = Files.list(again.directory().orElseThrow())) {
      assertEquals(List.of(file(again, KEY)), files.toList());
    }
  }

  @Test
  void theLeastRecentlyUsedGoFirst() throws IOException {
    long each = Entry.header(KEY) + 10_000L;
    DiskCache cache = DiskCache.at(home.resolve("attune"), 3 * each);
    List<Key> keys = new ArrayList<>();
    Instant start = Instant.now().minus(Duration.ofHours(2));
    for (int i = 0; i < 3; i++) {
      Key key = Key.of("cubin", "ptx " + i);
      keys.add(key);
      cache.put(key, payload(i));
      FileTime time = FileTime.from(start.plusSeconds(i));
      Files.setLastModifiedTime(file(cache, key), time);
    }
    // Used now, so the second is the oldest.
    assertHolds(cache, keys.get(0), payload(0));
    Path unfinished = cache.directory().orElseThrow().resolve(".crashed.tmp");
    Files.write(unfinished, payload(5));
    Path writing = cache.directory().orElseThrow().resolve(".another.tmp");
    Files.write(writing, payload(5));
    Files.setLastModifiedTime(unfinished, FileTime.from(start));
    cache.put(KEY, payload(7));
    assertEquals(new DiskCache.Usage(3, 3 * each), cache.usage());
    assertEquals(Optional.empty(), cache.get(keys.get(1)));
    assertHolds(cache, keys.get(0), payload(0));
    assertHolds(cache, keys.get(2), payload(2));
    assertHolds(cache, KEY, payload(7));
    assertFalse(Files.exists(unfinished));
    assertTrue(Files.exists(writing));
    // What alone is too large is not kept, and nothing goes for it.
    cache.put(keys.get(1), new byte[(int) (3 * each)]);
    assertEquals(new DiskCache.Usage(3, 3 * each), cache.usage());
  }

  /** Reads and writes over one directory that is too small for all; fails on a wrong payload. */
  private static int hammer(DiskCache cache, int seed) {
    Random random = new Random(seed);
    int hits = 0;
    for (int i = 0; i < 150; i++) {
      int n = random.nextInt(8);
      Key key = Key.of("cubin", "ptx " + n);
      Optional<byte[]> found = cache.get(key);
      if (found.isPresent()) {
        assertArrayEquals(payload(n), found.get());
        hits++;
      } else {
        cache.put(key, payload(n));
      }
    }
    return hits;
  }

  /** One of several processes. */
  static final class Hammer {
    private Hammer() {}

    public static void main(String[] args) {
      DiskCache cache = DiskCache.at(Path.of(args[0]), 60_000);
      System.out.print(hammer(cache, Integer.parseInt(args[1])) > 0 ? "hits" : "no hits");
    }
  }

  @Test
  void threadsAndProcessesShareADirectory() throws Exception {
    Path root = home.resolve("attune");
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(
          new ProcessBuilder(
                  System.getProperty("java.home")
                      + File.separator
                      + "bin"
                      + File.separator
                      + "java",
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Hammer.class.getName(),
                  root.toString(),
                  "" + i)
              .redirectErrorStream(true)
              .start());
    }
    DiskCache cache = DiskCache.at(root, 60_000);
    try (ExecutorService pool = Executors.newFixedThreadPool(8)) {
      List<Future<Integer>> threads = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        int seed = 100 + i;
        threads.add(pool.submit(() -> hammer(cache, seed)));
      }
      for (Future<Integer> thread : threads) {
        assertTrue(thread.get() > 0);
      }
    }
    for (Process process : processes) {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), output);
      assertEquals("hits", output);
    }
    assertTrue(cache.usage().bytes() <= 60_000, cache.usage().toString());
    try (Stream<Path> files = Files.list(cache.directory().orElseThrow())) {
      assertEquals(0, files.filter(f -> f.toString().endsWith(".tmp")).count());
    }
  }
}
