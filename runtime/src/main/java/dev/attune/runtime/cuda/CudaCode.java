package dev.attune.runtime.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchPlan;
import dev.attune.runtime.Stream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/** A module that the driver compiled from PTX. */
final class CudaCode extends CudaResource implements Kernel.Code {
  private static final int LOG_BYTES = 16 << 10;

  private final Manifest manifest;
  private final CUmodule module = new CUmodule();
  private final CUfunction function = new CUfunction();

  CudaCode(CudaDevice device, Artifact artifact) {
    super(device);
    manifest = artifact.manifest();
    if (!device.info().runs(manifest.target())) {
      throw new DeviceException(
          "code for %s does not run on %s, which has compute capability %d.%d"
              .formatted(
                  manifest.target().ptxName(),
                  device.info().name(),
                  device.info().major(),
                  device.info().minor()));
    }
    device.context().run(() -> load(device.context(), artifact.ptx()));
  }

  private void load(CudaContext context, String ptx) {
    JITOptions options = new JITOptions();
    options.putBytes(CUjit_option.CU_JIT_ERROR_LOG_BUFFER, new byte[LOG_BYTES]);
    options.putInt(CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, LOG_BYTES);
    byte[] text = ptx.getBytes(StandardCharsets.UTF_8);
    byte[] terminated = Arrays.copyOf(text, text.length + 1);
    int code = JCudaDriver.cuModuleLoadDataJIT(module, Pointer.to(terminated), options);
    if (code == CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION) {
      throw new DeviceException(
          "the driver is too old for this PTX, which needs version 12.0 or later (525)");
    }
    if (code != CUresult.CUDA_SUCCESS) {
      String log =
          new String(options.getBytes(CUjit_option.CU_JIT_ERROR_LOG_BUFFER), StandardCharsets.UTF_8)
              .replaceAll("(?s)\0.*", "")
              .strip();
      if (!log.isEmpty()) {
        throw new DeviceException(
            "the driver refused the PTX of %s: %s%n%s"
                .formatted(manifest.entry(), CUresult.stringFor(code), log));
      }
      context.check(code, "load the PTX of " + manifest.entry());
    }
    try {
      context.check(
          JCudaDriver.cuModuleGetFunction(function, module, manifest.entry()),
          "find entry " + manifest.entry());
      context.check(
          JCudaDriver.cuFuncSetAttribute(
              function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, manifest.sharedBytes()),
          "give %s %d bytes of shared memory per CTA"
              .formatted(manifest.entry(), manifest.sharedBytes()));
    } catch (DeviceException e) {
      JCudaDriver.cuModuleUnload(module);
      throw e;
    }
  }

  @Override
  public void launch(Stream stream, LaunchPlan plan) {
    if (isClosed()) {
      throw new DeviceException("kernel %s is closed".formatted(manifest.entry()));
    }
    if (!(stream instanceof CudaStream cuda) || cuda.isClosed()) {
      throw new DeviceException("the stream is closed or of another device");
    }
    // The driver copies the parameters before it returns.
    Pointer block =
        Pointer.to(ByteBuffer.allocateDirect(plan.block().length).put(plan.block()).rewind());
    NativePointerObject[] parameters =
        Arrays.stream(plan.offsets())
            .mapToObj(block::withByteOffset)
            .toArray(NativePointerObject[]::new);
    context()
        .run(
            () -> {
              context()
                  .launched(
                      "%s, grid (%d, %d, %d), %s"
                          .formatted(
                              manifest.entry(),
                              plan.gridX(),
                              plan.gridY(),
                              plan.gridZ(),
                              plan.shape()));
              context()
                  .check(
                      JCudaDriver.cuLaunchKernel(
                          function,
                          plan.gridX(),
                          plan.gridY(),
                          plan.gridZ(),
                          manifest.threads(),
                          1,
                          1,
                          manifest.sharedBytes(),
                          cuda.handle(),
                          Pointer.to(parameters),
                          null),
                      "launch " + manifest.entry());
            });
  }

  @Override
  void release() {
    JCudaDriver.cuCtxSynchronize();
    JCudaDriver.cuModuleUnload(module);
  }
}
