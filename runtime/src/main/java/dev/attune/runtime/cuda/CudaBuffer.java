package dev.attune.runtime.cuda;

import dev.attune.runtime.Buffer;
import dev.attune.runtime.DeviceException;
import java.util.Objects;
import java.util.OptionalLong;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmemorytype;
import jcuda.driver.CUpointer_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Device memory: allocated here, or another's. */
final class CudaBuffer extends CudaResource implements Buffer {
  private final Address start;
  private final long bytes;
  private final boolean owned;

  /** A device pointer that tells its value. */
  private static final class Address extends CUdeviceptr {
    Address() {}

    Address(long value) {
      super(new CUdeviceptr(), value);
    }

    long value() {
      return getNativePointer() + getByteOffset();
    }
  }

  /** Allocates memory. */
  CudaBuffer(CudaDevice device, long bytes) {
    super(device);
    if (bytes < 0) {
      throw new DeviceException("cannot allocate %d bytes".formatted(bytes));
    }
    this.start = new Address();
    this.bytes = bytes;
    this.owned = true;
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

  /**
   * Wraps memory that another library allocated and frees.
   *
   * @throws DeviceException if it is not, all of it, in one allocation of the device
   */
  CudaBuffer(CudaDevice device, long address, long bytes) {
    super(device);
    this.start = new Address(address);
    this.bytes = bytes;
    this.owned = false;
    if (bytes < 0) {
      throw new DeviceException("memory of %d bytes, expected 0 or more".formatted(bytes));
    }
    if (bytes > 0) {
      device.context().run(this::requireMemory);
    }
  }

  private void requireMemory() {
    String what = "memory at 0x%x".formatted(start.value());
    if (attribute(CUpointer_attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE).orElse(0)
        != CUmemorytype.CU_MEMORYTYPE_DEVICE) {
      throw new DeviceException(what + " is not of a device");
    }
    long ordinal = attribute(CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL).orElse(-1);
    if (ordinal != device().ordinal()) {
      throw new DeviceException(
          "%s is of device %d, expected device %d".formatted(what, ordinal, device().ordinal()));
    }
    // Memory of a pool belongs to no context.
    long owner = attribute(CUpointer_attribute.CU_POINTER_ATTRIBUTE_CONTEXT).orElse(0);
    if (owner != 0 && owner != context().handle()) {
      throw new DeviceException(what + " is of another context than the device's primary one");
    }
    long first = attribute(CUpointer_attribute.CU_POINTER_ATTRIBUTE_RANGE_START_ADDR).orElse(0);
    long size = attribute(CUpointer_attribute.CU_POINTER_ATTRIBUTE_RANGE_SIZE).orElse(0);
    long offset = start.value() - first;
    if (offset < 0 || offset > size || bytes > size - offset) {
      throw new DeviceException(
          "%s has %d bytes left in its allocation, expected %d"
              .formatted(what, size - offset, bytes));
    }
  }

  /** An attribute of the address, all of which fit a long; none of what CUDA does not know. */
  private OptionalLong attribute(int attribute) {
    long[] value = new long[1];
    int code = JCudaDriver.cuPointerGetAttribute(Pointer.to(value), attribute, start);
    if (code == CUresult.CUDA_ERROR_INVALID_VALUE) {
      return OptionalLong.empty();
    }
    context().check(code, "look at memory");
    return OptionalLong.of(value[0]);
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
    if (owned) {
      JCudaDriver.cuMemFree(start);
    }
  }
}
