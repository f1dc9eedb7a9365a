package dev.attune.cli.generate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The generated files: which belong to which source, and what they were made of. A file is replaced
 * as a whole, only where its bytes differ, and removed when its source no longer leads to it.
 */
final class Outputs {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STATE = "generated.json";

  private final Path java;
  private final Path resources;
  private final Path state;
  private final Map<String, Made> before;
  private final Map<String, Made> after = new TreeMap<>();
  private int written;

  /**
   * What was made of one source.
   *
   * @param key hash of all that it was made of
   * @param files hash by name
   */
  private record Made(String key, Map<String, String> files) {}

  /** One generated file: Java below the folder of launchers, or a resource. */
  record Name(boolean java, String path) implements Comparable<Name> {
    @Override
    public int compareTo(Name other) {
      return toString().compareTo(other.toString());
    }

    @Override
    public String toString() {
      return (java ? "java/" : "resources/") + path;
    }
  }

  Outputs(GenerateOptions options) throws IOException {
    this.java = options.java();
    this.resources = options.resources();
    this.state = options.state();
    this.before = read(state.resolve(STATE));
  }

  /** Whether all that was made of a source under this key is still there as it was. */
  boolean isFresh(String source, String key) throws IOException {
    Made made = before.get(source);
    if (made == null || !made.key().equals(key)) {
      return false;
    }
    for (Map.Entry<String, String> file : made.files().entrySet()) {
      Path path = path(file.getKey());
      if (!Files.isRegularFile(path)
          || !Hashes.sha256(Files.readAllBytes(path)).equals(file.getValue())) {
        return false;
      }
    }
    return true;
  }

  /** Leaves what was made of a source as it is. */
  void keep(String source) {
    Made made = before.get(source);
    if (made != null) {
      after.put(source, made);
    }
  }

  /** Puts the files of a source in place. */
  void put(String source, String key, Map<Name, byte[]> files) throws IOException {
    Map<String, String> hashes = new TreeMap<>();
    for (Map.Entry<Name, byte[]> file : files.entrySet()) {
      String name = file.getKey().toString();
      written += write(path(name), file.getValue()) ? 1 : 0;
      hashes.put(name, Hashes.sha256(file.getValue()));
    }
    after.put(source, new Made(key, hashes));
  }

  /** Removes what no source leads to, and writes down what belongs to what. */
  int finish() throws IOException {
    Set<String> wanted = new HashSet<>();
    after.values().forEach(made -> wanted.addAll(made.files().keySet()));
    int removed = 0;
    for (Made made : before.values()) {
      for (String name : made.files().keySet()) {
        if (!wanted.contains(name)) {
          removed += remove(path(name), name.startsWith("java/") ? java : resources);
        }
      }
    }
    write(state.resolve(STATE), toJson().getBytes(StandardCharsets.UTF_8));
    return removed;
  }

  /** How many generated files were written. */
  int written() {
    return written;
  }

  private Path path(String name) {
    int slash = name.indexOf('/');
    return (name.startsWith("java/") ? java : resources).resolve(name.substring(slash + 1));
  }

  /** Whether the file was another before. */
  private static boolean write(Path file, byte[] bytes) throws IOException {
    if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), bytes)) {
      return false;
    }
    Path folder = Files.createDirectories(file.toAbsolutePath().normalize().getParent());
    Path half = Files.createTempFile(folder, ".attune", ".tmp");
    try {
      Files.write(half, bytes);
      Files.move(half, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(half);
    }
    return true;
  }

  /** Removes a file and the folders that it leaves empty. */
  private static int remove(Path file, Path root) throws IOException {
    if (!Files.deleteIfExists(file)) {
      return 0;
    }
    Path folder = file.getParent();
    while (folder != null && !folder.equals(root) && isEmpty(folder)) {
      Files.delete(folder);
      folder = folder.getParent();
    }
    return 1;
  }

  private static boolean isEmpty(Path folder) throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.findAny().isEmpty();
    }
  }

  private String toJson() {
    ObjectNode root = JSON.createObjectNode();
    after.forEach(
        (source, made) -> {
          ObjectNode node = root.putObject(source).put("key", made.key());
          ObjectNode files = node.putObject("files");
          made.files().forEach(files::put);
        });
    return root.toPrettyString() + "\n";
  }

  /** What cannot be read was made by something else: everything is made anew. */
  private static Map<String, Made> read(Path file) throws IOException {
    Map<String, Made> all = new TreeMap<>();
    if (!Files.isRegularFile(file)) {
      return all;
    }
    JsonNode root;
    try {
      root = Optional.ofNullable(JSON.readTree(file.toFile())).orElse(JSON.createObjectNode());
    } catch (JsonProcessingException e) {
      return all;
    }
    root.properties()
        .forEach(
            source -> {
              Map<String, String> files = new TreeMap<>();
              source
                  .getValue()
                  .path("files")
                  .properties()
                  .forEach(f -> files.put(f.getKey(), f.getValue().asText()));
              all.put(source.getKey(), new Made(source.getValue().path("key").asText(), files));
            });
    return all;
  }
}
