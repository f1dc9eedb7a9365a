package dev.attune.runtime.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchPlan;
import dev.attune.runtime.Stream;
import dev.attune.runtime.TensorMap;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** Repeats one launch by {@code cuLaunchKernel} alone, to compare with what a kernel adds to it. */
public final class BareLaunch implements AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final CudaDevice device;
  private final Artifact artifact;
  private final CUmodule module = new CUmodule();
  private final CUfunction function = new CUfunction();
  private @Nullable LaunchPlan plan;

  /** Loads the code of an artifact. */
  public BareLaunch(CudaDevice device, Artifact artifact) {
    this.device = device;
    this.artifact = artifact;
    CudaContext context = device.context();
    byte[] text = artifact.ptx().getBytes(StandardCharsets.UTF_8);
    context.run(
        () -> {
          context.check(
              JCudaDriver.cuModuleLoadData(module, Arrays.copyOf(text, text.length + 1)),
              "load the PTX");
          context.check(
              JCudaDriver.cuModuleGetFunction(function, module, artifact.manifest().entry()),
              "find the entry");
          context.check(
              JCudaDriver.cuFuncSetAttribute(
                  function,
                  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                  artifact.manifest().sharedBytes()),
              "give it shared memory");
        });
  }

  /** Code that launches nothing: the plan of its last launch is what is repeated. */
  public Kernel.Code code() {
    return new Kernel.Code() {
      @Override
      public void launch(Stream stream, LaunchPlan checked) {
        plan = checked;
      }

      @Override
      public byte[] encode(TensorMap map) {
        CudaContext context = device.context();
        return context.call(() -> device.tensorMapEncoder().encode(context, map));
      }

      @Override
      public void close() {
        // What is loaded is the outer object's.
      }
    };
  }

  /** Launches some times, with the context already current, and notes the microseconds of each. */
  public void time(Stream stream, double[] micros, int at, int launches) {
    LaunchPlan p = plan;
    if (p == null) {
      throw new IllegalStateException("nothing was launched to be repeated");
    }
    ByteBuffer block =
        ByteBuffer.allocateDirect(Math.ceilDiv(p.block().length, ALIGNMENT) * ALIGNMENT + ALIGNMENT)
            .alignedSlice(ALIGNMENT);
    block.put(0, p.block());
    Pointer start = Pointer.to(block);
    Pointer parameters =
        Pointer.to(
            Arrays.stream(p.offsets())
                .mapToObj(start::withByteOffset)
                .toArray(NativePointerObject[]::new));
    CudaContext context = device.context();
    context.run(
        () -> {
          for (int i = at; i < at + launches; i++) {
            long from = System.nanoTime();
            int code =
                JCudaDriver.cuLaunchKernel(
                    function,
                    p.gridX(),
                    p.gridY(),
                    p.gridZ(),
                    artifact.manifest().threads(),
                    1,
                    1,
                    artifact.manifest().sharedBytes(),
                    ((CudaStream) stream).stream(),
                    parameters,
                    null);
            micros[i] = (System.nanoTime() - from) / 1e3;
            context.check(code, "launch");
          }
        });
  }

  @Override
  public void close() {
    CudaContext context = device.context();
    context.release(() -> JCudaDriver.cuModuleUnload(module));
  }
}
