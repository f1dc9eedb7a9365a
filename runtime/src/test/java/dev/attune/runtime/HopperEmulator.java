package dev.attune.runtime;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.Candidates;
import java.util.Optional;
import java.util.function.Function;

/** The emulator as a device that prefers kernels of the Hopper family, as an H100 does. */
final class HopperEmulator implements Device {
  private final Device emulator = Device.open("emulated");
  private final Optional<Function<Artifact, Kernel.Code>> code;

  HopperEmulator() {
    this.code = Optional.empty();
  }

  /** With code of another kind than the emulator's. */
  HopperEmulator(Function<Artifact, Kernel.Code> code) {
    this.code = Optional.of(code);
  }

  @Override
  public DeviceInfo info() {
    DeviceInfo i = emulator.info();
    return new DeviceInfo(
        i.kind(),
        i.name(),
        Target.SM_90A,
        i.major(),
        i.minor(),
        i.multiprocessors(),
        i.memoryBytes(),
        i.driver());
  }

  @Override
  public Buffer allocate(long bytes) {
    return emulator.allocate(bytes);
  }

  @Override
  public Stream stream() {
    return emulator.stream();
  }

  @Override
  public Stream newStream() {
    return emulator.newStream();
  }

  @Override
  public Event newEvent() {
    return emulator.newEvent();
  }

  @Override
  public Kernel load(AttentionSpec spec, Candidates candidates, Selection selection) {
    return code.map(load -> Kernel.load(emulator, spec, candidates, selection, load))
        .orElseGet(() -> emulator.load(spec, candidates, selection));
  }

  @Override
  public void synchronize() {
    emulator.synchronize();
  }

  @Override
  public void close() {
    emulator.close();
  }
}
