package dev.attune.runtime.cuda;

import dev.attune.runtime.Buffer;
import dev.attune.runtime.DeviceException;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Device memory. */
final class CudaBuffer extends CudaResource implements Buffer {
  private final Address start = new Address();
  private final long bytes;

  /** A device pointer that tells its value. */
  private static final class Address extends CUdeviceptr {
    long value() {
      return getNativePointer() + getByteOffset();
    }
  }

  CudaBuffer(CudaDevice device, long bytes) {
    super(device);
    if (bytes < 0) {
      throw new DeviceException("cannot allocate %d bytes".formatted(bytes));
    }
    this.bytes = bytes;
    CudaContext context = device.context();
    context.run(
        () -> {
          int code = JCudaDriver.cuMemAlloc(start, Math.max(1, bytes));
          if (code == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            long[] free = new long[1];
            long[] total = new long[1];
            JCudaDriver.cuMemGetInfo(free, total);
            throw new DeviceException(
                "cannot allocate %d bytes: the device has %d of %d free"
                    .formatted(bytes, free[0], total[0]));
          }
          context.check(code, "allocate " + bytes + " bytes");
        });
  }

  @Override
  public long address() {
    return start.value();
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void write(long offset, byte[] source, int from, int length) {
    requireRange(offset, source, from, length);
    if (length > 0) {
      context()
          .run(
              () -> {
                context().check(JCudaDriver.cuCtxSynchronize(), "wait for the device");
                context()
                    .check(
                        JCudaDriver.cuMemcpyHtoD(
                            start.withByteOffset(offset),
                            Pointer.to(source).withByteOffset(from),
                            length),
                        "copy to the device");
              });
    }
  }

  @Override
  public void read(long offset, byte[] target, int from, int length) {
    requireRange(offset, target, from, length);
    if (length > 0) {
      context()
          .run(
              () -> {
                context().check(JCudaDriver.cuCtxSynchronize(), "wait for the device");
                context()
                    .check(
                        JCudaDriver.cuMemcpyDtoH(
                            Pointer.to(target).withByteOffset(from),
                            start.withByteOffset(offset),
                            length),
                        "copy from the device");
              });
    }
  }

  @Override
  public void fill(byte value) {
    requireOpen();
    if (bytes > 0) {
      context()
          .run(
              () -> {
                context().check(JCudaDriver.cuCtxSynchronize(), "wait for the device");
                context().check(JCudaDriver.cuMemsetD8(start, value, bytes), "fill memory");
                context().check(JCudaDriver.cuCtxSynchronize(), "wait for the device");
              });
    }
  }

  private void requireRange(long offset, byte[] array, int from, int length) {
    requireOpen();
    Objects.checkFromIndexSize(offset, length, bytes);
    Objects.checkFromIndexSize(from, length, array.length);
  }

  private void requireOpen() {
    if (isClosed()) {
      throw new DeviceException("the buffer is closed");
    }
  }

  @Override
  void release() {
    JCudaDriver.cuMemFree(start);
  }
}
