package dev.attune.ptx.artifact;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Artifacts as files: {@code <name>.ptx}, {@code <name>.json} with the manifest, and {@code
 * <name>.cubin} where there is machine code.
 *
 * <p>The same artifact gives the same bytes: there are no times and no paths in them.
 */
public final class Artifacts {
  private static final long MAX_MANIFEST_BYTES = 4L << 20;
  private static final long MAX_PTX_BYTES = 256L << 20;
  private static final long MAX_CUBIN_BYTES = 256L << 20;

  private Artifacts() {}

  /**
   * Writes an artifact.
   *
   * @param directory created where it is missing
   * @param name of the files, without extension or separators
   */
  public static void write(Artifact artifact, Path directory, String name) throws IOException {
    requireName(name);
    Files.createDirectories(directory);
    Files.writeString(directory.resolve(name + ".ptx"), artifact.ptx());
    Files.writeString(directory.resolve(name + ".json"), toJson(artifact));
    Path cubin = directory.resolve(name + ".cubin");
    if (artifact.cubin().isPresent()) {
      Files.write(cubin, artifact.cubin().get().bytes());
    } else {
      // What an earlier build left is not of this PTX.
      Files.deleteIfExists(cubin);
    }
  }

  /** Writes an artifact and its machine code. */
  public static void write(Artifact artifact, Path directory, String name, byte[] cubin)
      throws IOException {
    write(artifact.with(new Cubin(cubin)), directory, name);
  }

  /**
   * Reads an artifact back, without machine code where there is none.
   *
   * @throws ArtifactException if the manifest is malformed or does not belong to the PTX or the
   *     machine code
   */
  public static Artifact read(Path directory, String name) throws IOException {
    requireName(name);
    Path cubin = directory.resolve(name + ".cubin");
    return fromJson(
        text(directory.resolve(name + ".json"), MAX_MANIFEST_BYTES),
        text(directory.resolve(name + ".ptx"), MAX_PTX_BYTES),
        Files.exists(cubin)
            ? Optional.of(new Cubin(bytes(cubin, MAX_CUBIN_BYTES)))
            : Optional.empty());
  }

  /** The manifest file's text. */
  public static String toJson(Artifact artifact) {
    return ManifestWriter.write(
        artifact.manifest(), sha256(artifact.ptx()), artifact.cubin().map(c -> sha256(c.bytes())));
  }

  /**
   * The artifact of a manifest file's text and PTX.
   *
   * @throws ArtifactException as {@link #read} does
   */
  public static Artifact fromJson(String json, String ptx) {
    return fromJson(json, ptx, Optional.empty());
  }

  /**
   * The artifact of a manifest file's text, PTX and machine code.
   *
   * @throws ArtifactException as {@link #read} does
   */
  public static Artifact fromJson(String json, String ptx, Optional<Cubin> cubin) {
    return new Artifact(
        ManifestReader.read(json, sha256(ptx), cubin.map(c -> sha256(c.bytes()))), ptx, cubin);
  }

  private static String text(Path file, long limit) throws IOException {
    return new String(bytes(file, limit), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(Path file, long limit) throws IOException {
    long size = Files.size(file);
    if (size > limit) {
      throw new ArtifactException(
          "%s has %d bytes, expected at most %d".formatted(file.getFileName(), size, limit));
    }
    return Files.readAllBytes(file);
  }

  private static void requireName(String name) {
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.,-]*")) {
      throw new ArtifactException(
          "'%s' is no name for files; expected letters, digits, '_', '-', ',' and '.'"
              .formatted(name));
    }
  }

  private static String sha256(String text) {
    return sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }
}
