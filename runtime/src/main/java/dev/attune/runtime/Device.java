package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaProbe;
import dev.attune.runtime.emulated.EmulatedDevice;
import java.util.List;

/**
 * Something that runs kernels. May be used from several threads.
 *
 * <p>Closing a device gives back everything that was made with it.
 */
public interface Device extends AutoCloseable {

  /**
   * Opens a device by name: {@code cuda} is the first CUDA device that kernels run on, {@code
   * cuda:1} that of the driver's number, {@code emulated} the emulator, and {@code auto} the first
   * CUDA device or, where there is none, the emulator.
   *
   * @throws DeviceException saying why there is no CUDA device and what to do
   * @throws IllegalArgumentException for another name
   */
  static Device open(String name) {
    return switch (name) {
      case "auto" -> CudaProbe.probe().usable().isPresent() ? open("cuda") : open("emulated");
      case "cuda" -> CudaDevice.open();
      case "emulated" -> EmulatedDevice.open();
      case String s when s.matches("cuda:[0-9]{1,4}") ->
          CudaDevice.open(Integer.parseInt(s.substring("cuda:".length())));
      default ->
          throw new IllegalArgumentException(
              "unknown device '%s'; known are auto, cuda, cuda:0, emulated".formatted(name));
    };
  }

  /** What this device is. */
  DeviceInfo info();

  /** Where what is made for this device is kept from process to process. */
  default DiskCache cache() {
    return DiskCache.ofUser();
  }

  /**
   * Allocates memory, with unspecified content.
   *
   * @throws DeviceException if there is not enough
   */
  Buffer allocate(long bytes);

  /** The stream made with the device. */
  Stream stream();

  /** Another stream, which runs concurrently with all others. */
  Stream newStream();

  /** An event that has not been recorded. */
  Event newEvent();

  /**
   * Makes a kernel ready to launch.
   *
   * @param spec what the kernel was compiled from
   * @throws DeviceException if the device refuses the code
   * @throws LaunchException if manifest and spec do not belong together
   */
  default Kernel load(AttentionSpec spec, Artifact artifact) {
    return load(spec, List.of(artifact));
  }

  /**
   * Makes a kernel of several candidates ready to launch.
   *
   * @param spec what all of them were compiled from
   * @param candidates best first, at least one
   * @throws DeviceException if the device refuses the code of any
   * @throws LaunchException if a manifest and the spec do not belong together
   */
  default Kernel load(AttentionSpec spec, List<Artifact> candidates) {
    return load(spec, new Candidates(candidates), Selection.ofProcess());
  }

  /**
   * Makes a kernel of what families had to offer ready to launch.
   *
   * @param spec what all candidates were compiled from
   * @param selection which of them launches may take
   * @throws DeviceException if the device refuses the code of any
   * @throws LaunchException if there is no candidate, or a manifest and the spec do not belong
   *     together
   */
  Kernel load(AttentionSpec spec, Candidates candidates, Selection selection);

  /** Waits until all launched work has finished. */
  void synchronize();

  /** A new contiguous tensor with unspecified content. */
  default Tensor empty(ElementType type, int... shape) {
    Tensor.requireExtents(shape);
    long bytes = Math.multiplyExact(NdArray.count(shape), (long) type.bytes());
    return Tensor.contiguous(allocate(bytes), type, 0, shape);
  }

  /** A new contiguous tensor with the values of a float array, rounded to a kernel's dtype. */
  default Tensor tensor(Dtype dtype, NdArray values) {
    return empty(ElementType.of(dtype), values.shape()).upload(values);
  }

  /** A new contiguous tensor with exactly the values of an array: float32, int32 or bool. */
  default Tensor tensor(NdArray values) {
    return empty(ElementType.of(values.type()), values.shape()).upload(values);
  }

  @Override
  void close();
}
