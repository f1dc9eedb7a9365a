package dev.attune.ptx.artifact;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The candidates of a kernel as one piece of bytes: their number, then of each the manifest's JSON,
 * the PTX and the machine code, every one with its length; no machine code has the length 0.
 */
public final class ArtifactList {
  private ArtifactList() {}

  /** The bytes of artifacts; the same artifacts give the same bytes. */
  public static byte[] toBytes(List<Artifact> artifacts) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(artifacts.size());
      for (Artifact artifact : artifacts) {
        write(out, Artifacts.toJson(artifact).getBytes(StandardCharsets.UTF_8));
        write(out, artifact.ptx().getBytes(StandardCharsets.UTF_8));
        write(out, artifact.cubin().map(Cubin::bytes).orElseGet(() -> new byte[0]));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("memory does not fail", e);
    }
    return bytes.toByteArray();
  }

  private static void write(DataOutputStream out, byte[] piece) throws IOException {
    out.writeInt(piece.length);
    out.write(piece);
  }

  /**
   * The artifacts of bytes.
   *
   * @throws ArtifactException if {@link #toBytes} does not make such bytes
   */
  public static List<Artifact> fromBytes(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int count = number(in);
    List<Artifact> artifacts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String json = text(piece(in));
      String ptx = text(piece(in));
      byte[] cubin = piece(in);
      artifacts.add(
          Artifacts.fromJson(
              json, ptx, Optional.of(cubin).filter(c -> c.length > 0).map(Cubin::new)));
    }
    if (in.hasRemaining()) {
      throw new ArtifactException("a list of artifacts is followed by something else");
    }
    return List.copyOf(artifacts);
  }

  private static byte[] piece(ByteBuffer in) {
    byte[] piece = new byte[number(in)];
    in.get(piece);
    return piece;
  }

  /** A length or a count, of things that have at least a byte each. */
  private static int number(ByteBuffer in) {
    int number = in.remaining() < Integer.BYTES ? -1 : in.getInt();
    if (number < 0 || number > in.remaining()) {
      throw new ArtifactException("a list of artifacts is cut off or damaged");
    }
    return number;
  }

  private static String text(byte[] utf8) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      throw new ArtifactException("a list of artifacts is damaged: its text is not UTF-8", e);
    }
  }
}
