package dev.attune.runtime.cache;

import dev.attune.ptx.files.PrivateDirectory;
import dev.attune.runtime.Setting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Entries by content in a directory of the user, shared by any number of threads and processes.
 *
 * <p>An entry is one file. It appears by an atomic move of a completely written one, and every
 * reader verifies all of it: what is damaged, cut off or of another key is deleted and counts as
 * missing. The digest finds damage and not attackers; who may write into the directory may run
 * code, and the directory's permissions are what keeps others out. Where entries exceed the bound,
 * those that were used least recently go first. Nothing that fails here fails its caller.
 */
public final class DiskCache {
  private static final Logger LOG = System.getLogger("dev.attune.runtime");

  /** Bytes of all entries, unless a cache is made for another number. */
  private static final long MAX_BYTES = 512L << 20;

  /** What a crash left unfinished is removed when it is as old as this. */
  private static final Duration ABANDONED = Duration.ofHours(1);

  private static final String UNFINISHED = ".tmp";

  private static final Set<OpenOption> READ =
      Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);

  private final @Nullable Path directory;
  private final String off;
  private final long maxBytes;
  private final AtomicBoolean warned = new AtomicBoolean();

  private DiskCache(@Nullable Path directory, String off, long maxBytes) {
    this.directory = directory;
    this.off = off;
    this.maxBytes = maxBytes;
  }

  /** The cache of this process, found at its first use. */
  private static final class OfUser {
    static final DiskCache CACHE = open();

    private static DiskCache open() {
      DiskCache cache =
          locate(
              Setting.CACHE.value(),
              Optional.ofNullable(System.getenv("XDG_CACHE_HOME")),
              System.getProperty("user.home"));
      if (cache.directory == null && !Setting.CACHE.isOff()) {
        LOG.log(Level.WARNING, "the disk cache is off: {0}", cache.off);
      }
      return cache;
    }
  }

  /**
   * Use of a cache.
   *
   * @param bytes of all entries
   */
  public record Usage(int entries, long bytes) {}

  /** A file of the directory. */
  private record Found(Path file, long bytes, FileTime used) {
    boolean unfinished() {
      return String.valueOf(file.getFileName()).endsWith(UNFINISHED);
    }
  }

  /**
   * The cache of this process: {@link Setting#CACHE}, else {@code $XDG_CACHE_HOME/attune}, else
   * {@code ~/.cache/attune}. If it cannot be used, that is logged once.
   */
  public static DiskCache ofUser() {
    return OfUser.CACHE;
  }

  /**
   * The cache that a user has.
   *
   * @param setting a directory or {@code off}
   * @param xdg the directory of all caches; one that is not absolute does not count
   */
  static DiskCache locate(Optional<String> setting, Optional<String> xdg, String home) {
    if (setting.filter(Setting.OFF::equalsIgnoreCase).isPresent()) {
      return off("%s or %s says so".formatted(Setting.CACHE.property(), Setting.CACHE.variable()));
    }
    try {
      return at(
          setting
              .map(Path::of)
              .orElseGet(
                  () ->
                      xdg.map(Path::of)
                          .filter(Path::isAbsolute)
                          .orElseGet(() -> Path.of(home, ".cache"))
                          .resolve("attune")));
    } catch (InvalidPathException e) {
      return off(reason(e));
    }
  }

  /** A cache that keeps nothing, and why. */
  public static DiskCache off(String reason) {
    return new DiskCache(null, reason, 0);
  }

  /** The cache below a directory, off where that cannot be used. */
  public static DiskCache at(Path root) {
    return at(root, MAX_BYTES);
  }

  /**
   * The cache below a directory, off where that cannot be used.
   *
   * @param maxBytes of all entries
   */
  public static DiskCache at(Path root, long maxBytes) {
    try {
      Path entries = PrivateDirectory.require(root).resolve("entries");
      return new DiskCache(PrivateDirectory.require(entries), "", maxBytes);
    } catch (IOException | SecurityException | UnsupportedOperationException e) {
      return off(reason(e));
    }
  }

  /** Where the entries are; nowhere where the cache is off. */
  public Optional<Path> directory() {
    return Optional.ofNullable(directory);
  }

  /** Why the cache is off; empty where it is not. */
  public String reason() {
    return off;
  }

  /** The payload of an entry, whole and verified; none where there is no such entry. */
  public Optional<byte[]> get(Key key) {
    if (directory == null) {
      return Optional.empty();
    }
    Path file = directory.resolve(key.fileName());
    Optional<byte[]> payload;
    try {
      payload = Entry.decode(key, read(file));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      // A link, a directory or a file that cannot be read is no entry.
      payload = Optional.empty();
    }
    try {
      if (payload.isPresent()) {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
      } else {
        LOG.log(Level.DEBUG, "{0} is damaged or of something else, and is deleted", file);
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "cannot touch or delete {0}: {1}", file, reason(e));
    }
    return payload;
  }

  private byte[] read(Path file) throws IOException {
    try (SeekableByteChannel channel = Files.newByteChannel(file, READ)) {
      long size = channel.size();
      if (size > Math.min(maxBytes, Integer.MAX_VALUE - 8L)) {
        throw new IOException("%s has %d bytes".formatted(file, size));
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) size);
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
        // What has been cut off meanwhile stays zero, and is found out with the rest.
      }
      return bytes.array();
    }
  }

  /** Keeps a payload. What does not fit or cannot be written is not kept. */
  public void put(Key key, byte[] payload) {
    if (directory == null || Entry.header(key) + (long) payload.length > maxBytes) {
      return;
    }
    try {
      write(directory, directory.resolve(key.fileName()), Entry.encode(key, payload));
      evict();
    } catch (IOException | UncheckedIOException e) {
      Level level = warned.compareAndSet(false, true) ? Level.WARNING : Level.DEBUG;
      LOG.log(level, "cannot write the disk cache: {0}", reason(e));
    }
  }

  private static void write(Path directory, Path file, byte[] bytes) throws IOException {
    Path fresh = Files.createTempFile(directory, ".", UNFINISHED);
    try {
      try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
          out.write(rest);
        }
        out.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private void evict() throws IOException {
    List<Found> files = files();
    long bytes = 0;
    for (Found found : files) {
      bytes += found.unfinished() ? 0 : found.bytes();
    }
    FileTime abandoned = FileTime.from(Instant.now().minus(ABANDONED));
    files.sort(Comparator.comparing(Found::used).thenComparing(Found::file));
    for (Found found : files) {
      if (found.unfinished() ? found.used().compareTo(abandoned) < 0 : bytes > maxBytes) {
        Files.deleteIfExists(found.file());
        bytes -= found.unfinished() ? 0 : found.bytes();
      }
    }
  }

  /** What is in the directory, in no order; other processes may be changing it. */
  private List<Found> files() throws IOException {
    List<Found> found = new ArrayList<>();
    if (directory != null) {
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : (Iterable<Path>) files::iterator) {
          try {
            BasicFileAttributes attributes =
                Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!attributes.isDirectory()) {
              found.add(new Found(file, attributes.size(), attributes.lastModifiedTime()));
            }
          } catch (NoSuchFileException e) {
            // Another process has removed it.
          }
        }
      }
    }
    return found;
  }

  /** How much there is. */
  public Usage usage() {
    try {
      List<Found> entries = files().stream().filter(f -> !f.unfinished()).toList();
      return new Usage(entries.size(), entries.stream().mapToLong(Found::bytes).sum());
    } catch (IOException | UncheckedIOException e) {
      return new Usage(0, 0);
    }
  }

  /**
   * Removes every entry.
   *
   * @throws IOException if one cannot be removed
   */
  public void clear() throws IOException {
    for (Found found : files()) {
      Files.deleteIfExists(found.file());
    }
  }

  /** What a failure says, with the name of its kind where that says more. */
  private static String reason(Exception e) {
    String message = String.valueOf(e.getMessage());
    return e.getClass() == IOException.class
        ? message
        : e.getClass().getSimpleName() + " " + message;
  }
}
