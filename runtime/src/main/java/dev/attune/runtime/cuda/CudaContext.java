package dev.attune.runtime.cuda;

import dev.attune.runtime.DeviceException;
import java.util.Optional;
import java.util.function.Supplier;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * The primary context of a device.
 *
 * <p>An error of a running kernel poisons a context for good: every later call returns it again,
 * and only a new process recovers. So the first such error is kept with what was launched last, and
 * every later use fails at once with that cause.
 */
final class CudaContext {
  private final CUdevice device;
  private final Handle context = new Handle();
  private volatile Optional<String> failure = Optional.empty();
  private volatile Object lastLaunch = "none";
  private volatile boolean released;

  /** A context that tells its value. */
  static final class Handle extends CUcontext {
    long value() {
      return getNativePointer();
    }
  }

  /** Retains the primary context. */
  CudaContext(int ordinal) {
    device = new CUdevice();
    check(JCudaDriver.cuDeviceGet(device, ordinal), "find device " + ordinal);
    check(JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "retain the primary context");
  }

  /** The driver's {@code CUcontext}. */
  long handle() {
    return context.value();
  }

  /** Runs calls with the context current on this thread. */
  <T> T call(Supplier<T> body) {
    requireAlive();
    check(JCudaDriver.cuCtxPushCurrent(context), "enter the context");
    try {
      return body.get();
    } finally {
      JCudaDriver.cuCtxPopCurrent(new CUcontext());
    }
  }

  /** Runs calls with the context current on this thread. */
  void run(Runnable body) {
    call(
        () -> {
          body.run();
          return 0;
        });
  }

  /** Runs calls that give something back, whatever state the device is in. */
  void release(Runnable body) {
    if (released || JCudaDriver.cuCtxPushCurrent(context) != CUresult.CUDA_SUCCESS) {
      return;
    }
    try {
      body.run();
    } finally {
      JCudaDriver.cuCtxPopCurrent(new CUcontext());
    }
  }

  /** Remembers a launch, to name it if the device fails; its text is made only then. */
  void launched(Object launch) {
    lastLaunch = launch;
  }

  /**
   * Accepts success and refuses everything else.
   *
   * @param what completes "cannot …"
   */
  void check(int code, String what) {
    if (code == CUresult.CUDA_SUCCESS) {
      return;
    }
    String message = "cannot %s: %s".formatted(what, describe(code));
    if (poisons(code)) {
      throw new DeviceException(fail(code));
    }
    throw new DeviceException(message);
  }

  /** Keeps the first failure and returns its message. */
  private synchronized String fail(int code) {
    String message =
        failure.orElseGet(
            () ->
                "the device failed with %s; the last launch was %s; only a new process can use it again"
                    .formatted(describe(code), lastLaunch));
    failure = Optional.of(message);
    return message;
  }

  private void requireAlive() {
    if (failure.isPresent()) {
      throw new DeviceException(failure.get());
    }
    if (released) {
      throw new DeviceException("the device is closed");
    }
  }

  void close() {
    if (!released) {
      released = true;
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
    }
  }

  private static String describe(int code) {
    String[] text = new String[1];
    JCudaDriver.cuGetErrorString(code, text);
    return CUresult.stringFor(code) + (text[0] == null ? "" : " (" + text[0] + ")");
  }

  private static boolean poisons(int code) {
    return switch (code) {
      case CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
          CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
          CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
          CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
          CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
          CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC,
          CUresult.CUDA_ERROR_LAUNCH_FAILED,
          CUresult.CUDA_ERROR_UNKNOWN ->
          true;
      default -> false;
    };
  }
}
