package dev.attune.runtime.cuda;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.compile.Candidates;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Event;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Selection;
import dev.attune.runtime.Stream;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** A GPU. */
public final class CudaDevice implements Device {
  private final DeviceInfo info;
  private final CudaContext context;
  private final Stream stream;
  private final Set<Runnable> resources = ConcurrentHashMap.newKeySet();
  private @Nullable TensorMapEncoder encoder;

  private CudaDevice(DeviceInfo info, CudaContext context) {
    this.info = info;
    this.context = context;
    this.stream = newStream();
  }

  /**
   * The first GPU that kernels run on.
   *
   * @throws DeviceException saying why there is none and what to do
   */
  public static CudaDevice open() {
    CudaProbe probe = CudaProbe.probe();
    CudaProbe.Found found = probe.usable().orElseThrow(() -> missing(probe));
    return open(found.ordinal());
  }

  /**
   * The GPU of an ordinal, as the driver counts them.
   *
   * @throws DeviceException saying why it cannot be used and what to do
   */
  public static CudaDevice open(int ordinal) {
    CudaProbe probe = CudaProbe.probe();
    DeviceInfo info =
        probe.devices().stream()
            .filter(d -> d.ordinal() == ordinal)
            .flatMap(d -> d.info().stream())
            .findFirst()
            .orElseThrow(() -> missing(probe));
    return new CudaDevice(info, new CudaContext(ordinal));
  }

  private static DeviceException missing(CudaProbe probe) {
    return new DeviceException(
        "no CUDA device: %s; without one, use the emulated device"
            .formatted(probe.problem().orElse("no device of that number can be used")));
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public Buffer allocate(long bytes) {
    return keep(new CudaBuffer(this, bytes));
  }

  @Override
  public Stream stream() {
    return stream;
  }

  @Override
  public Stream newStream() {
    return keep(new CudaStream(this));
  }

  @Override
  public Event newEvent() {
    return keep(new CudaEvent(this));
  }

  @Override
  public Kernel load(AttentionSpec spec, Candidates candidates, Selection selection) {
    return Kernel.load(
        this, spec, candidates, selection, artifact -> keep(new CudaCode(this, artifact)));
  }

  @Override
  public void synchronize() {
    context.run(() -> context.check(JCudaDriver.cuCtxSynchronize(), "wait for the device"));
  }

  CudaContext context() {
    return context;
  }

  /** The encoder of tensor maps, found at its first use. */
  synchronized TensorMapEncoder tensorMapEncoder() {
    TensorMapEncoder found = encoder;
    if (found == null) {
      found = TensorMapEncoder.of(CudaProbe.LIBRARY);
      encoder = found;
    }
    return found;
  }

  private <T extends CudaResource> T keep(T resource) {
    resources.add(resource.closer());
    return resource;
  }

  void forget(Runnable closer) {
    resources.remove(closer);
  }

  @Override
  public void close() {
    resources.forEach(Runnable::run);
    context.close();
  }
}
