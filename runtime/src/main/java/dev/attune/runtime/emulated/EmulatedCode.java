package dev.attune.runtime.emulated;

import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.emulate.Dim3;
import dev.attune.ptx.emulate.EmulatedEntry;
import dev.attune.ptx.emulate.EmulatedModule;
import dev.attune.ptx.emulate.EmulationException;
import dev.attune.ptx.emulate.LaunchConfig;
import dev.attune.ptx.emulate.OutputRegion;
import dev.attune.ptx.emulate.PtxSyntaxException;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Kernel;
import dev.attune.runtime.LaunchPlan;
import dev.attune.runtime.Stream;
import dev.attune.runtime.TensorMap;
import java.util.List;

/** PTX that the emulator has parsed. */
final class EmulatedCode implements Kernel.Code {
  private final EmulatedDevice device;
  private final Manifest manifest;
  private final EmulatedEntry entry;
  private volatile boolean closed;

  EmulatedCode(EmulatedDevice device, Artifact artifact) {
    this.device = device;
    this.manifest = artifact.manifest();
    try {
      entry = EmulatedModule.parse(artifact.ptx()).entry(manifest.entry());
    } catch (PtxSyntaxException | IllegalArgumentException e) {
      throw new DeviceException(
          "the emulator refused the PTX of %s: %s".formatted(manifest.entry(), e.getMessage()), e);
    }
  }

  @Override
  public void launch(Stream stream, LaunchPlan plan) {
    device.requireOpen();
    if (closed) {
      throw new DeviceException("kernel %s is closed".formatted(manifest.entry()));
    }
    List<OutputRegion> outputs =
        plan.outputs().stream()
            .flatMap(
                output ->
                    output.runs().stream()
                        .map(
                            r ->
                                new OutputRegion(
                                    output.name(), r.address(), r.bytes(), r.count(), r.stride())))
            .toList();
    LaunchConfig config =
        new LaunchConfig(
            new Dim3(plan.gridX(), plan.gridY(), plan.gridZ()),
            Dim3.of(manifest.threads()),
            manifest.sharedBytes(),
            outputs,
            device.options());
    try {
      device.finished(entry.launch(device.memory(), config, plan.block()));
    } catch (EmulationException | IllegalArgumentException e) {
      throw new DeviceException(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public byte[] encode(TensorMap map) {
    return new dev.attune.ptx.emulate.TensorMap(
            map.address(),
            map.type().bytes(),
            map.dims().stream().map(Integer::longValue).toList(),
            map.strides(),
            map.box(),
            dev.attune.ptx.emulate.TensorMap.Swizzle.ofSpan(map.span()))
        .encode();
  }

  @Override
  public void close() {
    closed = true;
  }
}
