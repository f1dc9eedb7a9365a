package dev.attune.runtime;

/** A queue of launches that run one after the other. */
public interface Stream extends AutoCloseable {

  /** The device that runs the launches. */
  Device device();

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
