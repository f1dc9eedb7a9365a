package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaProbe;
import dev.attune.runtime.cuda.CudaStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Launches beside what other libraries do with a GPU: graphs, threads, their memory and streams.
 */
@Tag("gpu")
class CudaLaunchTest {
  private final List<Raw> made = new ArrayList<>();
  private CudaDevice device;
  private @Nullable String selfTest;

  /** A driver object of another library. */
  private record Raw(Runnable free) {}

  private static final class Memory extends CUdeviceptr {
    long address() {
      return getNativePointer();
    }
  }

  private static final class Queue extends CUstream {
    long handle() {
      return getNativePointer();
    }
  }

  @BeforeEach
  void open() {
    selfTest = System.setProperty(Setting.SELF_TEST.property(), "off");
    device = CudaDevice.open(CudaProbe.probe().usable().orElseThrow().ordinal(), DiskCache.off(""));
    // Another library has the primary context current.
    CUdevice gpu = new CUdevice();
    CUcontext primary = new CUcontext();
    succeed(JCudaDriver.cuDeviceGet(gpu, device.ordinal()));
    succeed(JCudaDriver.cuDevicePrimaryCtxRetain(primary, gpu));
    succeed(JCudaDriver.cuCtxPushCurrent(primary));
    made.add(
        new Raw(
            () -> {
              JCudaDriver.cuCtxPopCurrent(new CUcontext());
              JCudaDriver.cuDevicePrimaryCtxRelease(gpu);
            }));
  }

  @AfterEach
  void close() {
    device.close();
    made.reversed().forEach(raw -> raw.free().run());
    if (selfTest == null) {
      System.clearProperty(Setting.SELF_TEST.property());
    } else {
      System.setProperty(Setting.SELF_TEST.property(), selfTest);
    }
  }

  private static void succeed(int code) {
    assertEquals("CUDA_SUCCESS", CUresult.stringFor(code));
  }

  private Memory memory(long bytes) {
    Memory memory = new Memory();
    succeed(JCudaDriver.cuMemAlloc(memory, bytes));
    made.add(new Raw(() -> JCudaDriver.cuMemFree(memory)));
    return memory;
  }

  private Queue queue() {
    Queue queue = new Queue();
    succeed(JCudaDriver.cuStreamCreate(queue, CUstream_flags.CU_STREAM_NON_BLOCKING));
    made.add(new Raw(() -> JCudaDriver.cuStreamDestroy(queue)));
    return queue;
  }

  private void begin(CUstream stream) {
    succeed(
        JCudaDriver.cuStreamBeginCapture(
            stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL));
    // Where a test breaks off; an ended capture cannot be ended again, which is not looked at.
    made.add(new Raw(() -> JCudaDriver.cuStreamEndCapture(stream, new CUgraph())));
  }

  private CUgraphExec end(CUstream stream) {
    CUgraph graph = new CUgraph();
    succeed(JCudaDriver.cuStreamEndCapture(stream, graph));
    CUgraphExec executable = new CUgraphExec();
    succeed(JCudaDriver.cuGraphInstantiate(executable, graph, 0));
    made.add(
        new Raw(
            () -> {
              JCudaDriver.cuGraphExecDestroy(executable);
              JCudaDriver.cuGraphDestroy(graph);
            }));
    return executable;
  }

  @Test
  void copiesAreCapturedAndReplayed() {
    captureAndReplay(Work.copying(device), Work.copying(device));
  }

  @Test
  void kernelsOfEveryFamilyAreCapturedAndReplayed() {
    for (var target : device.info().targets()) {
      var candidates = Work.candidates(List.of(target));
      captureAndReplay(Work.attention(device, candidates), Work.attention(device, candidates));
    }
  }

  /** Captures both works twice, and runs the same kernels on the stream between replays. */
  private void captureAndReplay(Work first, Work second) {
    Queue queue = queue();
    CudaStream stream = device.stream(queue.handle());
    first.kernel().prepare(first.arguments());
    second.kernel().prepare();
    begin(queue);
    assertTrue(stream.isCapturing());
    for (int i = 0; i < 2; i++) {
      first.kernel().launch(stream, first.arguments());
      second.kernel().launch(stream, second.arguments());
    }
    CUgraphExec graph = end(queue);
    assertTrue(!stream.isCapturing());
    for (int seed = 0; seed < 6; seed += 2) {
      first.fill(seed);
      second.fill(seed + 1);
      succeed(JCudaDriver.cuGraphLaunch(graph, queue));
      stream.synchronize();
      first.check(seed);
      second.check(seed + 1);
      first.fill(seed + 10);
      first.kernel().launch(stream, first.arguments());
      stream.synchronize();
      first.check(seed + 10);
    }
    first.close();
    second.close();
  }

  @Test
  void whatIsNotLoadedIsNotCaptured() {
    Queue queue = queue();
    Work copying = Work.copying(device);
    try (Kernel kernel =
        device.load(CopyKernel.SPEC, List.of(CopyKernel.artifact(), CopyKernel.artifact()))) {
      begin(queue);
      LaunchException e =
          assertThrows(
              LaunchException.class,
              () -> kernel.launch(device.stream(queue.handle()), copying.arguments()));
      assertTrue(String.valueOf(e.getMessage()).endsWith("prepare it before"), e.getMessage());
      // The refusal has not spoilt the capture.
      copying.kernel().launch(device.stream(queue.handle()), copying.arguments());
      CUgraphExec graph = end(queue);
      copying.fill(1);
      succeed(JCudaDriver.cuGraphLaunch(graph, queue));
      device.synchronize();
      copying.check(1);
    }
  }

  @Test
  void memoryAndStreamsOfOthersAreUsed() {
    Work copying = Work.copying(device);
    Arguments a = copying.arguments();
    Memory memory = memory(1 << 20);
    long bytes = 2 * 50 * 3 * 8 * 2;
    Buffer q = device.buffer(memory.address() + 256, bytes);
    Buffer o = device.buffer(memory.address() + (1 << 20) - bytes, bytes);
    Arguments there =
        Arguments.of(
                Tensor.contiguous(q, ElementType.BF16, 0, 2, 50, 3, 8),
                a.k(),
                a.v(),
                Tensor.contiguous(o, ElementType.BF16, 0, 2, 50, 3, 8))
            .lse(a.lse().orElseThrow())
            .tensor("bias", device.tensor(NdArray.floats(3)));
    Work work = new Work.Copying(copying.kernel(), there);
    Queue queue = queue();
    CudaStream stream = device.stream(queue.handle());
    assertEquals(queue.handle(), stream.handle());
    assertSame(stream, device.stream(queue.handle()));
    work.fill(3);
    work.kernel().launch(stream, there);
    stream.synchronize();
    work.check(3);
    q.close();
    assertThrows(LaunchException.class, () -> work.kernel().launch(stream, there));
    stream.close();
    // What was wrapped is still its owner's.
    succeed(JCudaDriver.cuStreamSynchronize(queue));
    assertTrue(!device.stream(queue.handle()).isClosed());
    work.arguments().o().buffer().close();
    assertEquals(bytes, device.buffer(memory.address() + 256, bytes).bytes());
    assertEquals(0, device.buffer(0, 0).bytes());
  }

  private static void refused(String part, Runnable use) {
    DeviceException e = assertThrows(DeviceException.class, use::run);
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }

  @Test
  void memoryThatIsNotTheDevicesIsRefused() {
    Memory memory = memory(1000);
    refused("left in its allocation", () -> device.buffer(memory.address(), 1L << 40));
    refused("left in its allocation", () -> device.buffer(memory.address() + 10, 4L << 20));
    refused("is not of a device", () -> device.buffer(1 << 20, 8));
    refused("expected 0 or more", () -> device.buffer(memory.address(), -1));
  }

  @Test
  void streamsAndMemoryOfAnotherContextAreRefused() {
    CUdevice gpu = new CUdevice();
    CUcontext other = new CUcontext();
    succeed(JCudaDriver.cuDeviceGet(gpu, device.ordinal()));
    succeed(JCudaDriver.cuCtxCreate(other, 0, gpu));
    try {
      Queue queue = new Queue();
      Memory memory = new Memory();
      succeed(JCudaDriver.cuStreamCreate(queue, 0));
      succeed(JCudaDriver.cuMemAlloc(memory, 1000));
      refused("another device or context", () -> device.stream(queue.handle()));
      refused("another context", () -> device.buffer(memory.address(), 1000));
    } finally {
      JCudaDriver.cuCtxDestroy(other);
    }
  }

  @Test
  void anotherDevicesThingsAreRefused() {
    Work copying = Work.copying(device);
    try (CudaDevice twin = CudaDevice.open(device.ordinal(), DiskCache.off(""))) {
      assertThrows(
          LaunchException.class, () -> copying.kernel().launch(twin.stream(), copying.arguments()));
      Work there = Work.copying(twin);
      assertThrows(
          LaunchException.class, () -> copying.kernel().launch(device.stream(), there.arguments()));
    }
    refused("the driver has no device 99", () -> Device.open("cuda:99"));
  }

  @Test
  void threadsOnStreamsDoNotDisturbEachOther() throws Exception {
    for (CudaProbe.Found found : CudaProbe.probe().devices()) {
      if (found.info().isEmpty()) {
        continue;
      }
      try (CudaDevice each = CudaDevice.open(found.ordinal(), DiskCache.off(""));
          ExecutorService pool = Executors.newFixedThreadPool(8)) {
        var candidates = Work.candidates(each.info().targets());
        Kernel shared = each.load(Work.SPEC, candidates);
        List<Future<?>> threads = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
          int seed = 100 * t;
          threads.add(
              pool.submit(
                  () -> {
                    try (Stream stream = each.newStream();
                        Work own = Work.attention(each, candidates)) {
                      for (int i = 0; i < 3; i++) {
                        own.fill(seed + i);
                        for (int n = 0; n < 20; n++) {
                          shared.launch(stream, own.arguments());
                        }
                        stream.synchronize();
                        own.check(seed + i);
                      }
                    }
                  }));
        }
        for (Future<?> thread : threads) {
          thread.get();
        }
      }
    }
  }
}
