package dev.attune.runtime.vectors;

import dev.attune.ptx.PtxKernel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One instruction form with its operands.
 *
 * @param name unique, the kernel's entry
 * @param kernel for one CTA
 * @param box of the tensor in the input or output that the kernel has a tensor map of
 * @param agreement how closely the emulator must give the recorded output
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
record GoldenCase(
    String name,
    PtxKernel kernel,
    Optional<TensorBox> box,
    byte[] input,
    int outputBytes,
    Agreement agreement) {

  /**
   * A digest of what determines the output, but for the code around the instructions: a mistake
   * there shows in the output.
   */
  String digest() {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      String text =
          Forms.of(kernel.body()).collect(Collectors.joining("\n"))
              + box.map(TensorBox::toString).orElse("")
              + outputBytes;
      sha.update(text.getBytes(StandardCharsets.UTF_8));
      sha.update(input);
      return HexFormat.of().formatHex(sha.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
