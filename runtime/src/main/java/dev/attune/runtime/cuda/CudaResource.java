package dev.attune.runtime.cuda;

import java.util.concurrent.atomic.AtomicBoolean;

/** Something the driver must get back, exactly once and at the latest with its device. */
abstract class CudaResource {
  private final CudaDevice device;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Runnable closer = this::close;

  CudaResource(CudaDevice device) {
    this.device = device;
  }

  /** Gives the resource back; the context is current and may have failed. */
  abstract void release();

  public final CudaDevice device() {
    return device;
  }

  public final boolean isClosed() {
    return closed.get();
  }

  final CudaContext context() {
    return device.context();
  }

  final Runnable closer() {
    return closer;
  }

  public final void close() {
    if (closed.compareAndSet(false, true)) {
      device.forget(closer);
      context().release(this::release);
    }
  }
}
