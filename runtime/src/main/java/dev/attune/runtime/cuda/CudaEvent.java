package dev.attune.runtime.cuda;

import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Event;
import dev.attune.runtime.Stream;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/** An event with a time. */
final class CudaEvent extends CudaResource implements Event {
  private final CUevent handle = new CUevent();
  private volatile boolean recorded;

  CudaEvent(CudaDevice device) {
    super(device);
    CudaContext context = device.context();
    context.run(
        () ->
            context.check(
                JCudaDriver.cuEventCreate(handle, CUevent_flags.CU_EVENT_DEFAULT),
                "create an event"));
  }

  @Override
  public void record(Stream stream) {
    if (!(stream instanceof CudaStream cuda) || cuda.device() != device()) {
      throw new DeviceException("the stream belongs to another device than the event");
    }
    context()
        .run(
            () ->
                context()
                    .check(JCudaDriver.cuEventRecord(handle, cuda.stream()), "record an event"));
    recorded = true;
  }

  @Override
  public double millisecondsSince(Event earlier) {
    if (!(earlier instanceof CudaEvent start) || start.device() != device()) {
      throw new DeviceException("the events belong to different devices");
    }
    if (!recorded || !start.recorded) {
      throw new DeviceException("an event has not been recorded");
    }
    return context()
        .call(
            () -> {
              float[] milliseconds = new float[1];
              context().check(JCudaDriver.cuEventSynchronize(handle), "wait for an event");
              context()
                  .check(
                      JCudaDriver.cuEventElapsedTime(milliseconds, start.handle, handle),
                      "compare events");
              return (double) milliseconds[0];
            });
  }

  @Override
  void release() {
    JCudaDriver.cuEventDestroy(handle);
  }
}
