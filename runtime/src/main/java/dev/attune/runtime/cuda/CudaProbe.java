package dev.attune.runtime.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.assemble.NativeLibraries;
import dev.attune.ptx.assemble.NativeLibrary;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.runtime.DeviceInfo;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * What CUDA there is on this machine, found without failing.
 *
 * @param driver the driver's CUDA version, such as {@code 13.0}, where there is a driver
 * @param devices every device by ordinal; absent targets mean that it is too old
 * @param problem one sentence: why no device can be used and what helps; absent if one can
 */
public record CudaProbe(Optional<String> driver, List<Found> devices, Optional<String> problem) {

  /** The driver's library. */
  static final String LIBRARY = "libcuda.so.1";

  public CudaProbe {
    devices = List.copyOf(devices);
  }

  /**
   * A device that the driver reports.
   *
   * @param info absent where no target of this compiler runs on it
   */
  public record Found(int ordinal, String name, String capability, Optional<DeviceInfo> info) {}

  /** The first device that kernels run on. */
  public Optional<Found> usable() {
    return devices.stream().filter(d -> d.info().isPresent()).findFirst();
  }

  /** Looks at the machine. The driver is not touched where its library is missing. */
  public static CudaProbe probe() {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(LIBRARY, arena);
    } catch (IllegalArgumentException e) {
      return none(LIBRARY + " cannot be loaded; install the NVIDIA driver");
    }
    try {
      NativeLibraries.load(NativeLibrary.CUDA_DRIVER);
    } catch (NativeLibraryException e) {
      return none(String.valueOf(e.getMessage()));
    }
    int[] version = new int[1];
    int initialized = JCudaDriver.cuInit(0);
    JCudaDriver.cuDriverGetVersion(version);
    Optional<String> driver =
        version[0] > 0
            ? Optional.of(version[0] / 1000 + "." + version[0] % 1000 / 10)
            : Optional.empty();
    if (initialized != CUresult.CUDA_SUCCESS) {
      return new CudaProbe(driver, List.of(), Optional.of(explain(initialized)));
    }
    List<Found> found = new ArrayList<>();
    int[] count = new int[1];
    if (JCudaDriver.cuDeviceGetCount(count) == CUresult.CUDA_SUCCESS) {
      for (int ordinal = 0; ordinal < count[0]; ordinal++) {
        found.add(describe(ordinal, driver.orElse("")));
      }
    }
    if (found.isEmpty()) {
      return new CudaProbe(driver, found, Optional.of(explain(CUresult.CUDA_ERROR_NO_DEVICE)));
    }
    boolean usable = found.stream().anyMatch(d -> d.info().isPresent());
    return new CudaProbe(
        driver,
        found,
        usable
            ? Optional.empty()
            : Optional.of(
                "%s has compute capability %s, and 8.0 is the least that kernels run on"
                    .formatted(found.getFirst().name(), found.getFirst().capability())));
  }

  private static CudaProbe none(String problem) {
    return new CudaProbe(Optional.empty(), List.of(), Optional.of(problem));
  }

  private static String explain(int code) {
    return switch (code) {
      case CUresult.CUDA_ERROR_NO_DEVICE ->
          "the driver finds no device; check nvidia-smi, CUDA_VISIBLE_DEVICES and, in a container,"
              + " that GPUs are passed in";
      case CUresult.CUDA_ERROR_STUB_LIBRARY ->
          LIBRARY + " is the toolkit's stub; put the driver's own on the library path";
      case CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH ->
          LIBRARY
              + " and the kernel module have different versions; reboot, or reinstall the driver";
      default -> "the driver cannot start: %s".formatted(CUresult.stringFor(code));
    };
  }

  private static Found describe(int ordinal, String driver) {
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, ordinal);
    byte[] text = new byte[256];
    JCudaDriver.cuDeviceGetName(text, text.length, device);
    String name = new String(text, StandardCharsets.UTF_8).replaceAll("\0.*", "");
    int major = attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    int minor = attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    long[] memory = new long[1];
    JCudaDriver.cuDeviceTotalMem(memory, device);
    Optional<Target> target =
        List.of(Target.values()).reversed().stream()
            .filter(t -> t.runsOn(major, minor))
            .findFirst();
    return new Found(
        ordinal,
        name,
        major + "." + minor,
        target.map(
            t ->
                new DeviceInfo(
                    DeviceInfo.Kind.CUDA,
                    name,
                    t,
                    major,
                    minor,
                    attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                    memory[0],
                    driver)));
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    JCudaDriver.cuDeviceGetAttribute(value, attribute, device);
    return value[0];
  }
}
