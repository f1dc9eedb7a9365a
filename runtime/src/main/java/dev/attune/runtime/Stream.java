package dev.attune.runtime;

/** A queue of launches that run one after the other. */
public interface Stream extends AutoCloseable {

  /** The device that runs the launches. */
  Device device();

  /**
   * Whether launches are being recorded here into a CUDA graph instead of run. Nothing may then be
   * loaded, allocated or waited for.
   */
  boolean isCapturing();

  /**
   * Waits until everything launched here has finished.
   *
   * @throws DeviceException if a launch failed
   */
  void synchronize();

  /** Destroys the queue; work that is in it still finishes. */
  @Override
  void close();
}
