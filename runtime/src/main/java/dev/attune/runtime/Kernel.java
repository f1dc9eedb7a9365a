package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Manifest;

/** A compiled attention on a device, ready to launch. May be launched from several threads. */
public final class Kernel implements AutoCloseable {
  private final Device device;
  private final AttentionSpec spec;
  private final Manifest manifest;
  private final Code code;

  /** Code on a device: what a device implements for {@link Kernel}. */
  public interface Code {
    /** Queues a launch that has been checked and is not empty. */
    void launch(Stream stream, LaunchPlan plan);

    /** Unloads the code once no launch needs it. */
    void close();
  }

  /**
   * Joins loaded code with what describes it.
   *
   * @throws LaunchException if manifest and spec do not belong together
   */
  public Kernel(Device device, AttentionSpec spec, Manifest manifest, Code code) {
    ManifestCheck.require(spec, manifest);
    this.device = device;
    this.spec = spec;
    this.manifest = manifest;
    this.code = code;
  }

  public AttentionSpec spec() {
    return spec;
  }

  public Manifest manifest() {
    return manifest;
  }

  /**
   * Checks the arguments and queues the kernel. Allocates nothing on the device and waits for
   * nothing; a launch without rows does nothing.
   *
   * @throws LaunchException naming the argument that must not be used so; nothing has been queued
   * @throws DeviceException if the device has failed
   */
  public void launch(Stream stream, Arguments arguments) {
    if (!stream.device().equals(device)) {
      throw new LaunchException("the stream belongs to another device than the kernel");
    }
    LaunchPlan plan = new LaunchCheck(device, spec, manifest, arguments).plan();
    if (!plan.isEmpty()) {
      code.launch(stream, plan);
    }
  }

  @Override
  public void close() {
    code.close();
  }
}
