package dev.attune.runtime;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The work counters of a kernel: one for each stream, since launches on one stream follow each
 * other and each leaves its counter zero, while launches on two streams may overlap.
 */
final class WorkCounters implements AutoCloseable {
  private static final int BYTES = 8;

  private final Device device;
  private final Map<Stream, Buffer> counters = new ConcurrentHashMap<>();

  WorkCounters(Device device) {
    this.device = device;
  }

  /** Address of a stream's counter, which is zero before its first use. */
  long address(Stream stream) {
    return counters.computeIfAbsent(stream, s -> zeroed()).address();
  }

  /** Gives a stream another counter from now on. */
  void forget(Stream stream) {
    Buffer counter = counters.remove(stream);
    if (counter != null) {
      counter.close();
    }
  }

  private Buffer zeroed() {
    Buffer buffer = device.allocate(BYTES);
    buffer.fill((byte) 0);
    return buffer;
  }

  @Override
  public void close() {
    counters.keySet().forEach(this::forget);
  }
}
