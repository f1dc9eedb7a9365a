package dev.attune.runtime.cuda;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Artifacts;
import dev.attune.ptx.compile.Candidates;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Event;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.ProvenCode;
import dev.attune.runtime.Selection;
import dev.attune.runtime.Stream;
import dev.attune.runtime.cache.ArtifactStore;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cache.Key;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** A GPU. */
public final class CudaDevice implements Device {
  private final DeviceInfo info;
  private final int ordinal;
  private final CudaContext context;
  private final DiskCache cache;
  private final String driver;
  private final Stream stream;
  private final Set<Runnable> resources = ConcurrentHashMap.newKeySet();
  private final Map<Long, CudaStream> foreign = new ConcurrentHashMap<>();
  private @Nullable TensorMapEncoder encoder;

  private CudaDevice(DeviceInfo info, int ordinal, DiskCache cache) {
    this.info = info;
    this.ordinal = ordinal;
    this.cache = cache;
    this.context = new CudaContext(ordinal);
    this.driver = DriverVersion.of(info.driver());
    this.stream = newStream();
  }

  /**
   * The first GPU that kernels run on.
   *
   * @throws DeviceException saying why there is none and what to do
   */
  public static CudaDevice open() {
    return open(DiskCache.ofUser());
  }

  /**
   * The first GPU that kernels run on.
   *
   * @param cache keeps passed self-tests
   * @throws DeviceException saying why there is none and what to do
   */
  public static CudaDevice open(DiskCache cache) {
    CudaProbe probe = CudaProbe.probe();
    CudaProbe.Found found =
        probe.usable().orElseThrow(() -> missing(probe.problem().orElse("there is none")));
    return open(found.ordinal(), cache);
  }

  /**
   * The GPU of an ordinal, as the driver counts them.
   *
   * @throws DeviceException saying why it cannot be used and what to do
   */
  public static CudaDevice open(int ordinal) {
    return open(ordinal, DiskCache.ofUser());
  }

  /**
   * The GPU of an ordinal, as the driver counts them.
   *
   * @param cache keeps passed self-tests
   * @throws DeviceException saying why it cannot be used and what to do
   */
  public static CudaDevice open(int ordinal, DiskCache cache) {
    CudaProbe probe = CudaProbe.probe();
    DeviceInfo info =
        probe.devices().stream()
            .filter(d -> d.ordinal() == ordinal)
            .findFirst()
            .orElseThrow(() -> missing(absent(probe, ordinal)))
            .info()
            .orElseThrow(() -> missing("kernels do not run on device " + ordinal));
    return new CudaDevice(info, ordinal, cache);
  }

  private static String absent(CudaProbe probe, int ordinal) {
    return probe
        .problem()
        .orElseGet(
            () ->
                "the driver has no device %d, but %d from 0 on"
                    .formatted(ordinal, probe.devices().size()));
  }

  private static DeviceException missing(String problem) {
    return new DeviceException(
        "no CUDA device: %s; without one, use the emulated device".formatted(problem));
  }

  /** The number by which the driver knows this GPU. */
  public int ordinal() {
    return ordinal;
  }

  @Override
  public DeviceInfo info() {
    return info;
  }

  @Override
  public DiskCache cache() {
    return cache;
  }

  @Override
  public Buffer allocate(long bytes) {
    return keep(new CudaBuffer(this, bytes));
  }

  /**
   * Memory that another library allocated on this GPU, and frees once it is used no more.
   *
   * @param address of the first byte, aligned in any way
   * @throws DeviceException if the bytes are not in one allocation of this GPU
   */
  public Buffer buffer(long address, long bytes) {
    return keep(new CudaBuffer(this, address, bytes));
  }

  @Override
  public Stream stream() {
    return stream;
  }

  @Override
  public Stream newStream() {
    return keep(new CudaStream(this));
  }

  /**
   * A stream of another library, which destroys it once it is used no more. The same handle gives
   * the same stream, until that is closed.
   *
   * @param handle the driver's {@code CUstream} or the runtime's {@code cudaStream_t}; 0 is the
   *     default stream
   * @throws DeviceException if it is not of this GPU's primary context
   */
  public CudaStream stream(long handle) {
    return foreign.compute(
        handle,
        (h, known) ->
            known != null && !known.isClosed() ? known : keep(new CudaStream(this, handle)));
  }

  @Override
  public Event newEvent() {
    return keep(new CudaEvent(this));
  }

  @Override
  public Kernel load(AttentionSpec spec, Candidates candidates, Selection selection) {
    return Kernel.load(this, spec, candidates, selection, artifact -> proven(spec, artifact));
  }

  private CudaCode proven(AttentionSpec spec, Artifact artifact) {
    Key passed =
        Key.of(
            "passed",
            ArtifactStore.meaning(spec),
            Artifacts.toJson(artifact),
            driver,
            "%s %d.%d".formatted(info.name(), info.major(), info.minor()));
    List<ProvenCode.Way<CudaCode>> ways =
        Arrays.stream(CudaCode.Source.values())
            .filter(source -> source != CudaCode.Source.BUILT || hasCode(artifact))
            .map(
                source ->
                    new ProvenCode.Way<>(
                        source.text(), () -> keep(new CudaCode(this, artifact, source))))
            .toList();
    return ProvenCode.load(this, spec, artifact, cache, passed, ways);
  }

  /** Whether an artifact comes with machine code for exactly this GPU. */
  private boolean hasCode(Artifact artifact) {
    return artifact.cubin().isPresent()
        && artifact
            .manifest()
            .target()
            .ptxName()
            .matches("sm_%d%da?".formatted(info.major(), info.minor()));
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

  /** Which driver this is, down to its build. */
  String driver() {
    return driver;
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
