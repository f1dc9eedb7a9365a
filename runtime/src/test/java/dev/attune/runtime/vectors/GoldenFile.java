package dev.attune.runtime.vectors;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Recorded outputs: a zip archive of {@code index.txt}, which names the device and then, a line
 * each, the cases with the size of their output and {@link GoldenCase#digest}; and of {@code
 * outputs}, the outputs in the same order, each with the lowest bytes of its words first, then the
 * second lowest, and so on, which packs better.
 *
 * @param device what recorded them
 * @param recordings by the name of the case
 */
record GoldenFile(String device, Map<String, Recording> recordings) {
  private static final String INDEX = "index.txt";
  private static final String OUTPUTS = "outputs";
  private static final String TITLE = "attune golden vectors";
  private static final String RESOURCE = "/golden/h200.zip";

  /** How to make the file anew. */
  static final String HOW =
      "record again with ATTUNE_RECORD=FILE ./test --select-class"
          + " dev.attune.runtime.vectors.CudaVectorsTest, as docs/verification.md says";

  /** The output of a case. */
  @SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
  record Recording(String digest, byte[] output) {}

  GoldenFile {
    recordings = new TreeMap<>(recordings);
  }

  /** The outputs of cases. */
  static GoldenFile of(String device, Map<GoldenCase, byte[]> outputs) {
    Map<String, Recording> recordings = new TreeMap<>();
    outputs.forEach(
        (test, output) -> recordings.put(test.name(), new Recording(test.digest(), output)));
    return new GoldenFile(device, recordings);
  }

  /** The file that is part of the sources; empty while there is none. */
  static Optional<GoldenFile> shipped() throws IOException {
    try (InputStream file = GoldenFile.class.getResourceAsStream(RESOURCE)) {
      return file == null ? Optional.empty() : Optional.of(read(file));
    }
  }

  /**
   * What is wrong with a machine's answer to a case; empty if nothing is.
   *
   * @param output the answer
   */
  Optional<String> problem(GoldenCase test, byte[] output) {
    Recording recording = recordings.get(test.name());
    if (recording == null) {
      return Optional.of(test.name() + " was never recorded: " + HOW);
    }
    if (!recording.digest().equals(test.digest())) {
      return Optional.of(
          test.name() + " was recorded with other instructions or another input: " + HOW);
    }
    Agreement.Found found = test.agreement().compare(recording.output(), output);
    return found.agrees() ? Optional.empty() : Optional.of(test.name() + ": " + found);
  }

  /** Writes the archive, the same bytes for the same content. */
  void write(OutputStream to) throws IOException {
    StringBuilder index = new StringBuilder(TITLE + "\n" + device + "\n");
    recordings.forEach(
        (name, r) ->
            index.append(
                String.format(Locale.ROOT, "%s %d %s\n", name, r.output().length, r.digest())));
    try (ZipOutputStream zip = new ZipOutputStream(to)) {
      zip.setLevel(Deflater.BEST_COMPRESSION);
      zip.putNextEntry(entry(INDEX));
      zip.write(index.toString().getBytes(StandardCharsets.UTF_8));
      zip.putNextEntry(entry(OUTPUTS));
      for (Recording r : recordings.values()) {
        zip.write(planes(r.output()));
      }
    }
  }

  private static ZipEntry entry(String name) {
    ZipEntry entry = new ZipEntry(name);
    entry.setTime(0);
    return entry;
  }

  /**
   * Reads an archive.
   *
   * @throws IOException if it is none
   */
  static GoldenFile read(InputStream from) throws IOException {
    try (ZipInputStream zip = new ZipInputStream(from)) {
      require(zip.getNextEntry(), INDEX);
      List<String> index = new String(zip.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      if (index.size() < 2 || !index.getFirst().equals(TITLE)) {
        throw new IOException("no index of golden vectors");
      }
      require(zip.getNextEntry(), OUTPUTS);
      Map<String, Recording> recordings = new TreeMap<>();
      for (String line : index.subList(2, index.size())) {
        String[] words = line.split(" ", -1);
        byte[] planes = zip.readNBytes(Integer.parseInt(words[1]));
        recordings.put(words[0], new Recording(words[2], words(planes)));
      }
      return new GoldenFile(index.get(1), recordings);
    }
  }

  private static void require(@Nullable ZipEntry entry, String name) throws IOException {
    if (entry == null || !entry.getName().equals(name)) {
      throw new IOException("an archive of golden vectors has " + name);
    }
  }

  private static byte[] planes(byte[] words) {
    byte[] planes = new byte[words.length];
    for (int i = 0; i < words.length; i++) {
      planes[i % 4 * (words.length / 4) + i / 4] = words[i];
    }
    return planes;
  }

  private static byte[] words(byte[] planes) {
    byte[] words = new byte[planes.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = planes[i % 4 * (planes.length / 4) + i / 4];
    }
    return words;
  }
}
