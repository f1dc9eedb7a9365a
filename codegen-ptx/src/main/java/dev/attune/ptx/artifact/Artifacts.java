package dev.attune.ptx.artifact;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Artifacts as files: {@code <name>.ptx}, {@code <name>.json} with the manifest, and {@code
 * <name>.cubin} where there is machine code.
 *
 * <p>The same artifact gives the same bytes: there are no times and no paths in them.
 */
public final class Artifacts {
  private static final long MAX_MANIFEST_BYTES = 4L << 20;
  private static final long MAX_PTX_BYTES = 256L << 20;

  private Artifacts() {}

  /**
   * Writes an artifact without machine code.
   *
   * @param directory created where it is missing
   * @param name of the files, without extension or separators
   */
  public static void write(Artifact artifact, Path directory, String name) throws IOException {
    requireName(name);
    Files.createDirectories(directory);
    Files.writeString(directory.resolve(name + ".ptx"), artifact.ptx());
    Files.writeString(directory.resolve(name + ".json"), toJson(artifact));
  }

  /** Writes an artifact and its machine code. */
  public static void write(Artifact artifact, Path directory, String name, byte[] cubin)
      throws IOException {
    write(artifact, directory, name);
    Files.write(directory.resolve(name + ".cubin"), cubin);
  }

  /**
   * Reads an artifact back.
   *
   * @throws ArtifactException if the manifest is malformed or does not belong to the PTX
   */
  public static Artifact read(Path directory, String name) throws IOException {
    requireName(name);
    Path json = directory.resolve(name + ".json");
    Path ptx = directory.resolve(name + ".ptx");
    return fromJson(readBounded(json, MAX_MANIFEST_BYTES), readBounded(ptx, MAX_PTX_BYTES));
  }

  /** The manifest file's text. */
  public static String toJson(Artifact artifact) {
    return ManifestWriter.write(artifact.manifest(), sha256(artifact.ptx()));
  }

  /**
   * The artifact of a manifest file's text and PTX.
   *
   * @throws ArtifactException as {@link #read} does
   */
  public static Artifact fromJson(String json, String ptx) {
    return new Artifact(ManifestReader.read(json, sha256(ptx)), ptx);
  }

  private static String readBounded(Path file, long limit) throws IOException {
    long size = Files.size(file);
    if (size > limit) {
      throw new ArtifactException(
          "%s has %d bytes, expected at most %d".formatted(file.getFileName(), size, limit));
    }
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  private static void requireName(String name) {
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.,-]*")) {
      throw new ArtifactException(
          "'%s' is no name for files; expected letters, digits, '_', '-', ',' and '.'"
              .formatted(name));
    }
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
