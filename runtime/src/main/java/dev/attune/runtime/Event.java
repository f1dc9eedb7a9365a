package dev.attune.runtime;

/** A point in a stream, with the time at which the device reached it. */
public interface Event extends AutoCloseable {

  /** Puts this point at the end of a stream. */
  void record(Stream stream);

  /**
   * Milliseconds of the device's time from an earlier point; waits until both are reached.
   *
   * @throws DeviceException if either was not recorded, or work before it failed
   */
  double millisecondsSince(Event earlier);

  @Override
  void close();
}
