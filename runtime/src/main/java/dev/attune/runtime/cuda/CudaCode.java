package dev.attune.runtime.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import dev.attune.compiler.spec.Shape;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchPlan;
import dev.attune.runtime.Stream;
import dev.attune.runtime.TensorMap;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/** A module of machine code with one kernel. */
final class CudaCode extends CudaResource implements Kernel.Code {
  private static final int LOG_BYTES = 16 << 10;

  private final Manifest manifest;
  private final CUmodule module = new CUmodule();
  private final CUfunction function = new CUfunction();
  private final Queue<Parameters> idle = new ConcurrentLinkedQueue<>();
  private final String launching;

  /**
   * Host memory for the parameters of one launch at a time.
   *
   * @param pointers where in it each parameter starts
   */
  private record Parameters(ByteBuffer bytes, Pointer pointers) {
    private static final int ALIGNMENT = 64;

    static Parameters of(LaunchPlan plan) {
      // An aligned slice ends at a multiple of the alignment as well.
      int length = Math.ceilDiv(plan.block().length, ALIGNMENT) * ALIGNMENT;
      ByteBuffer bytes = ByteBuffer.allocateDirect(length + ALIGNMENT).alignedSlice(ALIGNMENT);
      Pointer start = Pointer.to(bytes);
      NativePointerObject[] each =
          Arrays.stream(plan.offsets())
              .mapToObj(start::withByteOffset)
              .toArray(NativePointerObject[]::new);
      return new Parameters(bytes, Pointer.to(each));
    }
  }

  /** What is said of a launch if the device fails. */
  private record LastLaunch(String entry, int x, int y, int z, Shape shape) {
    static LastLaunch of(Manifest manifest, LaunchPlan plan) {
      return new LastLaunch(
          manifest.entry(), plan.gridX(), plan.gridY(), plan.gridZ(), plan.shape());
    }

    @Override
    public String toString() {
      return "%s, grid (%d, %d, %d), %s".formatted(entry, x, y, z, shape);
    }
  }

  /** Where the machine code comes from. */
  enum Source {
    /** The build's cubin. */
    BUILT("the machine code of the build"),
    /** The driver's compiler. */
    DRIVER("the driver's compiler"),
    /** The same, which then has fewer opportunities to be wrong. */
    DRIVER_LEVEL_1("the driver's compiler at optimisation level 1");

    private final String text;

    Source(String text) {
      this.text = text;
    }

    /** What messages call it. */
    String text() {
      return text;
    }

    /** How much the driver's compiler is told to optimise; it decides unless told. */
    OptionalInt level() {
      return this == DRIVER_LEVEL_1 ? OptionalInt.of(1) : OptionalInt.empty();
    }
  }

  /**
   * Loads code.
   *
   * @throws DeviceException if the device does not run the artifact's target, or there is no such
   *     code of it
   */
  CudaCode(CudaDevice device, Artifact artifact, Source source) {
    super(device);
    manifest = artifact.manifest();
    launching = "launch " + manifest.entry();
    if (!device.info().runs(manifest.target())) {
      throw new DeviceException(
          "code for %s does not run on %s, which has compute capability %d.%d"
              .formatted(
                  manifest.target().ptxName(),
                  device.info().name(),
                  device.info().major(),
                  device.info().minor()));
    }
    device
        .context()
        .run(
            () -> {
              switch (source) {
                case BUILT -> loadBuilt(device.context(), artifact);
                case DRIVER, DRIVER_LEVEL_1 -> {
                  // One at a time: nothing says that JCuda's JIT options may be used by several
                  // threads at once.
                  synchronized (CudaCode.class) {
                    loadPtx(device.context(), artifact.ptx(), source.level());
                  }
                }
              }
              prepare(device.context());
            });
  }

  private void loadBuilt(CudaContext context, Artifact artifact) {
    byte[] cubin =
        artifact
            .cubin()
            .orElseThrow(
                () -> new DeviceException(manifest.entry() + " comes without machine code"))
            .bytes();
    context.check(
        JCudaDriver.cuModuleLoadData(module, cubin),
        "load the machine code of " + manifest.entry());
  }

  /**
   * Has the driver compile PTX, or take what it has kept of that. Its linker would give machine
   * code to keep here, but compiles for linking, where {@code setmaxnreg} is ignored: such code of
   * the Hopper family spills and takes two to three times as long.
   */
  private void loadPtx(CudaContext context, String ptx, OptionalInt level) {
    JITOptions options = new JITOptions();
    level.ifPresent(l -> options.putInt(CUjit_option.CU_JIT_OPTIMIZATION_LEVEL, l));
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
  }

  /** Finds the kernel in the module and gives it what it asks for. */
  private void prepare(CudaContext context) {
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
    if (!(stream instanceof CudaStream cuda) || cuda.isClosed() || cuda.device() != device()) {
      throw new DeviceException("the stream is closed or of another device");
    }
    Parameters parameters = idle.poll();
    if (parameters == null) {
      parameters = Parameters.of(plan);
    }
    parameters.bytes().put(0, plan.block());
    Pointer pointers = parameters.pointers();
    context()
        .run(
            () -> {
              context().launched(LastLaunch.of(manifest, plan));
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
                          cuda.stream(),
                          pointers,
                          null),
                      launching);
            });
    // The driver has copied the parameters.
    idle.add(parameters);
  }

  @Override
  public byte[] encode(TensorMap map) {
    return context().call(() -> device().tensorMapEncoder().encode(context(), map));
  }

  @Override
  void release() {
    JCudaDriver.cuCtxSynchronize();
    JCudaDriver.cuModuleUnload(module);
  }
}
