package dev.attune.runtime.emulated;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.emulate.EmulatedMemory;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.LaunchReport;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.Event;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.Selection;
import dev.attune.runtime.Stream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The emulator. A launch runs in the calling thread and is finished when it returns; launches from
 * several threads wait for each other. A kernel that does what it may not makes the launch throw,
 * and leaves the device usable.
 */
public final class EmulatedDevice implements Device {
  private final EmulatorOptions options;
  private final EmulatedMemory memory = new EmulatedMemory();
  private final Stream stream = new EmulatedStream(this);
  private volatile @Nullable LaunchReport lastReport;

  /** Not guarded by a lock: buffers ask for it while they hold the memory's. */
  private volatile boolean closed;

  private EmulatedDevice(EmulatorOptions options) {
    this.options = options;
  }

  /** An emulator with its default schedule. */
  public static EmulatedDevice open() {
    return open(EmulatorOptions.defaults());
  }

  /** An emulator with a chosen schedule. */
  public static EmulatedDevice open(EmulatorOptions options) {
    return new EmulatedDevice(options);
  }

  @Override
  public DeviceInfo info() {
    return new DeviceInfo(
        DeviceInfo.Kind.EMULATED,
        "PTX emulator",
        Target.SM_80,
        9,
        0,
        options.threads(),
        Runtime.getRuntime().maxMemory(),
        "");
  }

  /** What the last launch that finished had executed. */
  public Optional<LaunchReport> lastReport() {
    return Optional.ofNullable(lastReport);
  }

  @Override
  public Buffer allocate(long bytes) {
    requireOpen();
    if (bytes < 0) {
      throw new DeviceException("cannot allocate %d bytes".formatted(bytes));
    }
    try {
      return new EmulatedBuffer(this, memory, memory.allocate(Math.max(1, bytes)), bytes);
    } catch (IllegalArgumentException e) {
      throw new DeviceException("cannot allocate %d bytes: %s".formatted(bytes, e.getMessage()), e);
    }
  }

  @Override
  public Stream stream() {
    return stream;
  }

  @Override
  public Stream newStream() {
    return new EmulatedStream(this);
  }

  @Override
  public Event newEvent() {
    return new EmulatedEvent(this);
  }

  @Override
  public Kernel load(AttentionSpec spec, Candidates candidates, Selection selection) {
    requireOpen();
    return Kernel.load(
        this, spec, candidates, selection, artifact -> new EmulatedCode(this, artifact));
  }

  @Override
  public void synchronize() {
    requireOpen();
  }

  EmulatorOptions options() {
    return options;
  }

  EmulatedMemory memory() {
    return memory;
  }

  void finished(LaunchReport report) {
    lastReport = report;
  }

  void requireOpen() {
    if (closed) {
      throw new DeviceException("the device is closed");
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
