package dev.attune.runtime;

/** A stream that says whether it is being captured, and cannot be waited for. */
final class CapturedStream implements Stream {
  private final Device device;
  boolean capturing;

  CapturedStream(Device device) {
    this.device = device;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public boolean isCapturing() {
    return capturing;
  }

  @Override
  public void synchronize() {
    throw new AssertionError("launches wait for nothing");
  }

  @Override
  public void close() {
    // There is nothing to give back.
  }
}
