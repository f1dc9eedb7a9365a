package dev.attune.cli;

import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cuda.CudaProbe;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code attune doctor}: what is there, what is missing, and what that means. */
@Command(
    name = "doctor",
    description = "Shows devices, driver, JDK, assembler and disk cache, and what is missing.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  private final Terminal terminal;

  @Option(names = "--clear-cache", description = "Removes everything from the disk cache.")
  private boolean clearCache;

  DoctorCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    line(
        "system",
        "%s %s, %d processors, %d MiB of heap"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors(),
                Runtime.getRuntime().maxMemory() >> 20));
    line(
        "java",
        "%s (%s) in %s"
            .formatted(
                Runtime.version(),
                System.getProperty("java.vendor"),
                System.getProperty("java.home")));
    assembler();
    cache();
    CudaProbe probe = CudaProbe.probe();
    line("driver", probe.driver().map(d -> "for CUDA " + d).orElse("none"));
    for (CudaProbe.Found found : probe.devices()) {
      line(
          "device",
          "cuda %d: %s, compute capability %s%s"
              .formatted(
                  found.ordinal(),
                  found.name(),
                  found.capability(),
                  found
                      .info()
                      .map(
                          i ->
                              ", %d SMs, %d MiB"
                                  .formatted(i.multiprocessors(), i.memoryBytes() >> 20))
                      .orElse(", too old: kernels need 8.0 or more")));
    }
    probe
        .problem()
        .ifPresent(
            problem -> {
              line("missing", "no CUDA device: " + problem);
              line("", "'attune run' uses the emulated device: results and checks, no speed");
            });
    try (Device emulated = Device.open("emulated")) {
      DeviceInfo info = emulated.info();
      line("device", "emulated: %s, %d threads".formatted(info.name(), info.multiprocessors()));
    }
    return Main.OK;
  }

  private void cache() {
    DiskCache cache = DiskCache.ofUser();
    if (cache.directory().isEmpty()) {
      line("cache", "off: " + cache.reason());
      return;
    }
    if (clearCache) {
      try {
        cache.clear();
      } catch (IOException e) {
        throw new CliException("cannot clear the disk cache: " + Failures.reason(e));
      }
    }
    DiskCache.Usage usage = cache.usage();
    line(
        "cache",
        "%s, %d entries, %d KiB"
            .formatted(cache.directory().get(), usage.entries(), usage.bytes() >> 10));
  }

  private void assembler() {
    try {
      line("assembler", "nvPTXCompiler " + Assembler.version());
    } catch (NativeLibraryException e) {
      line("missing", "no assembler: " + e.getMessage());
      line("", "'attune compile' writes PTX but no machine code; the emulated device needs none");
    }
  }

  private void line(String label, String text) {
    terminal.out().println("%-10s %s".formatted(label, text));
  }
}
