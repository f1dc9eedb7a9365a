package dev.attune.runtime.vectors;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Runs kernels of one input and one output buffer, given by the pointers to Q and O, and at most
 * one tensor map, of Q in the input or of O in the output.
 *
 * @param load makes code of PTX
 */
public record Machine(Device device, Function<Artifact, Kernel.Code> load) {
  /** What is in the output before a launch. */
  static final byte PATTERN = (byte) 0xA5;

  private static final Shape NO_SHAPE = new Shape(1, 1, 1, 1, 1, new HeadDim(64, 64));

  /** The output of a case. */
  byte[] run(GoldenCase test) {
    return run(test.kernel(), 1, test.box(), test.input(), test.outputBytes());
  }

  /**
   * Launches a kernel and waits for it.
   *
   * @param box of the tensor that the tensor map is of
   * @return the output, in which what the kernel left alone is the pattern
   */
  byte[] run(PtxKernel kernel, int ctas, Optional<TensorBox> box, byte[] input, int outputBytes) {
    Kernel.Code code = load.apply(new Artifact(manifest(kernel), PtxPrinter.print(kernel)));
    try (Buffer in = device.allocate(input.length);
        Buffer out = device.allocate(outputBytes)) {
      in.write(0, input, 0, input.length);
      out.fill(PATTERN);
      code.launch(device.stream(), plan(code, kernel, ctas, box, in.address(), out.address()));
      byte[] output = new byte[outputBytes];
      out.read(0, output, 0, outputBytes);
      return output;
    } finally {
      code.close();
    }
  }

  private static LaunchPlan plan(
      Kernel.Code code, PtxKernel kernel, int ctas, Optional<TensorBox> box, long in, long out) {
    int[] offsets = new int[kernel.parameters().size()];
    int bytes = 0;
    for (int i = 0; i < offsets.length; i++) {
      Parameter.Type type = kernel.parameters().get(i).type();
      offsets[i] = Math.ceilDiv(bytes, type.alignment()) * type.alignment();
      bytes = offsets[i] + type.bytes();
    }
    ByteBuffer block = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < offsets.length; i++) {
      switch (kernel.parameters().get(i).role()) {
        case Role.Pointer p -> block.putLong(offsets[i], p.of() == Operand.Q ? in : out);
        case Role.TensorMap m ->
            block.put(
                offsets[i], code.encode(box.orElseThrow().map(m.of() == Operand.Q ? in : out)));
        default -> throw new IllegalArgumentException("not of a case: " + kernel.parameters());
      }
    }
    return new LaunchPlan(NO_SHAPE, ctas, 1, 1, block.array(), offsets, List.of());
  }

  private static Manifest manifest(PtxKernel kernel) {
    return new Manifest(
        "vectors",
        kernel.entry(),
        kernel.target(),
        Dtype.BF16,
        new HeadDim(64, 64),
        Manifest.Grid.ITEMS,
        Lengths.ALL,
        kernel.threads(),
        1,
        kernel.sharedBytes(),
        kernel.parameters(),
        List.of(),
        List.of());
  }
}
