package dev.attune.runtime.emulated;

import dev.attune.runtime.Device;
import dev.attune.runtime.Stream;

/** A stream whose work is always finished. */
record EmulatedStream(Device device) implements Stream {
  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public void close() {
    // There is nothing to give back.
  }
}
