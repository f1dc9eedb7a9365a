package dev.attune.runtime.emulated;

import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Event;
import dev.attune.runtime.Stream;
import java.util.OptionalLong;

/** A moment of the host's clock, since launches run on the host. */
final class EmulatedEvent implements Event {
  private final EmulatedDevice device;
  private volatile OptionalLong nanoseconds = OptionalLong.empty();

  EmulatedEvent(EmulatedDevice device) {
    this.device = device;
  }

  @Override
  public void record(Stream stream) {
    if (stream.device() != device) {
      throw new DeviceException("the stream belongs to another device than the event");
    }
    nanoseconds = OptionalLong.of(System.nanoTime());
  }

  @Override
  public double millisecondsSince(Event earlier) {
    if (!(earlier instanceof EmulatedEvent start) || start.device != device) {
      throw new DeviceException("the events belong to different devices");
    }
    if (nanoseconds.isEmpty() || start.nanoseconds.isEmpty()) {
      throw new DeviceException("an event has not been recorded");
    }
    return (nanoseconds.getAsLong() - start.nanoseconds.getAsLong()) / 1e6;
  }

  @Override
  public void close() {
    // There is nothing to give back.
  }
}
