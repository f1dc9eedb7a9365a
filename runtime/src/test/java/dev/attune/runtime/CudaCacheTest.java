package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Cubin;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cuda.CudaDevice;
import dev.attune.runtime.cuda.CudaProbe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a GPU keeps on disk of the code that it loads, and how code is tested there. */
@Tag("gpu")
class CudaCacheTest {
  @TempDir Path home;
  private @Nullable String selfTest;

  @BeforeEach
  void set() {
    selfTest = System.getProperty(Setting.SELF_TEST.property());
  }

  @AfterEach
  void reset() {
    selfTest(selfTest == null ? "" : selfTest);
  }

  private static void selfTest(String value) {
    System.setProperty(Setting.SELF_TEST.property(), value);
  }

  private DiskCache cache() {
    return DiskCache.at(home.resolve("attune"));
  }

  private CudaDevice open() {
    return CudaDevice.open(CudaProbe.probe().usable().orElseThrow().ordinal(), cache());
  }

  /** When each entry was written or used, by its name. */
  private SortedMap<String, Long> entries() throws IOException {
    SortedMap<String, Long> entries = new TreeMap<>();
    try (Stream<Path> files = Files.list(cache().directory().orElseThrow())) {
      for (Path file : files.toList()) {
        entries.put(file.getFileName().toString(), (Long) Files.getAttribute(file, "unix:ino"));
      }
    }
    return entries;
  }

  @Test
  void codeIsTestedOnceAndRemembered() throws IOException {
    selfTest("on");
    List<Artifact> candidates;
    try (CudaDevice device = open()) {
      candidates = Work.candidates(device.info().targets());
      try (Kernel kernel = device.load(Work.SPEC, candidates)) {
        kernel.prepare();
      }
    }
    SortedMap<String, Long> first = entries();
    assertEquals(
        candidates.size(), first.keySet().stream().filter(n -> n.startsWith("passed-")).count());
    long start = System.nanoTime();
    try (CudaDevice device = open();
        Work work = Work.attention(device, candidates)) {
      work.kernel().prepare();
      double milliseconds = (System.nanoTime() - start) / 1e6 / candidates.size();
      assertTrue(milliseconds < 200, "%.0f ms for a kernel".formatted(milliseconds));
      work.fill(1);
      work.kernel().launch(device.stream(), work.arguments());
      device.synchronize();
      work.check(1);
    }
    assertEquals(first, entries());
  }

  @Test
  void wrongCodeIsRefused() {
    selfTest("on");
    try (CudaDevice device = open()) {
      for (Artifact artifact : Work.candidates(device.info().targets())) {
        // The logarithm of 2, which makes the LSE natural.
        String ptx = artifact.ptx().replace("0f3F317218", "0f3F327218");
        assertNotEquals(artifact.ptx(), ptx);
        DeviceException e =
            assertThrows(
                DeviceException.class,
                () -> device.load(Work.SPEC, new Artifact(artifact.manifest(), ptx)));
        assertTrue(
            String.valueOf(e.getMessage())
                .startsWith(
                    "kernel %s computes wrong results on %s, driver for CUDA %s, with the driver's compiler ("
                        .formatted(
                            artifact.manifest().entry(),
                            device.info().name(),
                            device.info().driver())),
            e.getMessage());
      }
    }
  }

  @Test
  void machineCodeOfTheBuildIsTaken() {
    selfTest("on");
    try (CudaDevice device = open()) {
      Artifact artifact = Work.candidates(List.of(device.info().target())).getLast();
      byte[] cubin = Assembler.build(artifact.ptx(), artifact.manifest().target()).cubin();
      run(device, artifact.with(new Cubin(cubin)));
      // Machine code that the driver does not take is passed over.
      run(device, artifact.with(new Cubin(new byte[] {1, 2, 3})));
    }
  }

  private static void run(CudaDevice device, Artifact artifact) {
    try (Work work = Work.attention(device, List.of(artifact))) {
      work.fill(2);
      work.kernel().launch(device.stream(), work.arguments());
      device.synchronize();
      work.check(2);
    }
  }
}
