package dev.attune.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The work counters of a kernel. Each launch leaves its counter zero, so launches that follow each
 * other may share one: those on a stream have one counter. Launches on two streams may overlap, and
 * so may a graph that is replayed and whatever is launched then: a captured launch has a counter of
 * its own.
 *
 * <p>Counters come from blocks that are allocated ahead, because memory cannot be allocated while a
 * launch is captured.
 */
final class WorkCounters implements AutoCloseable {
  /** Counters of a block. */
  static final int BLOCK = 4096;

  private static final int BYTES = 8;

  private final Device device;
  private final Map<Stream, Long> ofStreams = new ConcurrentHashMap<>();
  private final List<Buffer> blocks = new ArrayList<>();
  private int taken;

  WorkCounters(Device device) {
    this.device = device;
  }

  /** Allocates counters where fewer than half a block are left. */
  synchronized void reserve() {
    if (left() < BLOCK / 2) {
      Buffer block = device.allocate((long) BLOCK * BYTES);
      block.fill((byte) 0);
      blocks.add(block);
    }
  }

  private int left() {
    return blocks.size() * BLOCK - taken;
  }

  /**
   * Address of the counter for the next launch on a stream, which is zero.
   *
   * @throws LaunchException if the stream is being captured and no counter is left
   */
  long address(Stream stream) {
    return stream.isCapturing() ? captured() : ofStreams.computeIfAbsent(stream, s -> reserved());
  }

  private synchronized long captured() {
    if (left() == 0) {
      throw new LaunchException(
          "the kernel has no work counters left for captured launches;"
              + " prepare it again before the next capture");
    }
    return take();
  }

  private synchronized long reserved() {
    reserve();
    return take();
  }

  private long take() {
    int counter = taken++;
    return blocks.get(counter / BLOCK).address() + (long) BYTES * (counter % BLOCK);
  }

  /** Gives a stream another counter from now on. */
  void forget(Stream stream) {
    ofStreams.remove(stream);
  }

  @Override
  public synchronized void close() {
    blocks.forEach(Buffer::close);
    blocks.clear();
    taken = 0;
    ofStreams.clear();
  }
}
