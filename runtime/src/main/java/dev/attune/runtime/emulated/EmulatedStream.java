package dev.attune.runtime.emulated;

import dev.attune.runtime.Device;
import dev.attune.runtime.Stream;

/** A stream whose work is always finished. */
final class EmulatedStream implements Stream {
  private final Device device;

  EmulatedStream(Device device) {
    this.device = device;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public boolean isCapturing() {
    return false;
  }

  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public void close() {
    // There is nothing to give back.
  }
}
