package dev.attune.runtime.cuda;

import dev.attune.runtime.Stream;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A stream that never waits for the driver's default stream. */
final class CudaStream extends CudaResource implements Stream {
  private final CUstream handle = new CUstream();

  CudaStream(CudaDevice device) {
    super(device);
    CudaContext context = device.context();
    context.run(
        () ->
            context.check(
                JCudaDriver.cuStreamCreate(handle, CUstream_flags.CU_STREAM_NON_BLOCKING),
                "create a stream"));
  }

  CUstream handle() {
    return handle;
  }

  @Override
  public void synchronize() {
    context()
        .run(() -> context().check(JCudaDriver.cuStreamSynchronize(handle), "wait for a stream"));
  }

  @Override
  void release() {
    JCudaDriver.cuStreamDestroy(handle);
  }
}
