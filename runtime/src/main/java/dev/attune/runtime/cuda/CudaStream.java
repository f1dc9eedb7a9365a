package dev.attune.runtime.cuda;

import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Stream;
import java.lang.reflect.Constructor;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureStatus;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A stream of a GPU: one of our own, which never waits for the default stream, or another's. */
public final class CudaStream extends CudaResource implements Stream {
  private final CUstream stream;
  private final long handle;
  private final boolean owned;

  /** A stream that tells its value. */
  private static final class Created extends CUstream {
    long value() {
      return getNativePointer();
    }
  }

  /** Creates a stream. */
  CudaStream(CudaDevice device) {
    super(device);
    Created created = new Created();
    CudaContext context = device.context();
    context.run(
        () ->
            context.check(
                JCudaDriver.cuStreamCreate(created, CUstream_flags.CU_STREAM_NON_BLOCKING),
                "create a stream"));
    stream = created;
    handle = created.value();
    owned = true;
  }

  /**
   * Wraps a stream that another library made and destroys.
   *
   * @throws DeviceException if it is no stream of the device's primary context
   */
  CudaStream(CudaDevice device, long handle) {
    super(device);
    this.stream = foreign(handle);
    this.handle = handle;
    this.owned = false;
    CudaContext context = device.context();
    context.run(
        () -> {
          CudaContext.Handle found = new CudaContext.Handle();
          context.check(
              JCudaDriver.cuStreamGetCtx(stream, found), "use stream 0x%x".formatted(handle));
          if (found.value() != context.handle()) {
            throw new DeviceException(
                "stream 0x%x belongs to another device or context than %s"
                    .formatted(handle, device.info().name()));
          }
        });
  }

  /** JCuda makes streams of handles, but only for itself. */
  private static CUstream foreign(long handle) {
    try {
      Constructor<CUstream> constructor = CUstream.class.getDeclaredConstructor(long.class);
      constructor.setAccessible(true);
      return constructor.newInstance(handle);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("JCuda 12.6.0 has this constructor", e);
    }
  }

  /** The driver's {@code CUstream}, for other libraries. */
  public long handle() {
    return handle;
  }

  CUstream stream() {
    return stream;
  }

  /**
   * {@inheritDoc}
   *
   * @throws DeviceException if the stream is closed
   */
  @Override
  public boolean isCapturing() {
    if (isClosed()) {
      throw new DeviceException("the stream is closed");
    }
    return context()
        .call(
            () -> {
              int[] status = new int[1];
              context().check(JCudaDriver.cuStreamIsCapturing(stream, status), "look at a stream");
              return status[0] != CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE;
            });
  }

  @Override
  public void synchronize() {
    context()
        .run(() -> context().check(JCudaDriver.cuStreamSynchronize(stream), "wait for a stream"));
  }

  @Override
  void release() {
    if (owned) {
      JCudaDriver.cuStreamDestroy(stream);
    }
  }
}
