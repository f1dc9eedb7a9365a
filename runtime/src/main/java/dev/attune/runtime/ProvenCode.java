package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cache.Key;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/**
 * Code of an artifact that has computed a known answer on the device. What passed once is
 * remembered on disk, and then neither computed again nor anything else tried before it.
 */
public final class ProvenCode {
  private static final Logger LOG = System.getLogger("dev.attune.runtime");

  private ProvenCode() {}

  /**
   * A way to come to code.
   *
   * @param name says which way, to users as well
   * @param load throws a {@link DeviceException} where it leads to nothing
   */
  public record Way<C extends Kernel.Code>(String name, Supplier<C> load) {}

  /**
   * The code of the first way whose code is right.
   *
   * @param passed what the test's outcome depends on
   * @param ways best first, at least one
   * @throws DeviceException that of the first way if none leads to code, or else what the code of
   *     each does wrong
   */
  public static <C extends Kernel.Code> C load(
      Device device,
      AttentionSpec spec,
      Artifact artifact,
      DiskCache cache,
      Key passed,
      List<Way<C>> ways) {
    boolean trusted = Setting.SELF_TEST.isOff();
    Optional<String> known =
        trusted
            ? Optional.empty()
            : cache.get(passed).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
    List<Way<C>> order =
        ways.stream()
            .sorted(Comparator.comparing(way -> !Optional.of(way.name()).equals(known)))
            .toList();
    Supplier<SelfTest> test =
        trusted || known.isPresent()
            ? () -> new SelfTest(spec, artifact)
            : started(() -> new SelfTest(spec, artifact));
    List<DeviceException> failures = new ArrayList<>();
    List<String> flaws = new ArrayList<>();
    for (Way<C> way : order) {
      C code;
      try {
        code = way.load().get();
      } catch (DeviceException e) {
        failures.add(e);
        continue;
      }
      if (trusted || Optional.of(way.name()).equals(known)) {
        return code;
      }
      Optional<String> flaw = flaw(device, test, code);
      if (flaw.isEmpty()) {
        cache.put(passed, way.name().getBytes(StandardCharsets.UTF_8));
        return code;
      }
      code.close();
      flaws.add("%s (%s)".formatted(way.name(), flaw.get()));
      LOG.log(
          Level.WARNING,
          "{0} computes wrong results with {1}: {2}",
          artifact.manifest().entry(),
          way.name(),
          flaw.get());
    }
    throw flaws.isEmpty()
        ? failures.getFirst()
        : new DeviceException(refusal(device.info(), artifact, flaws));
  }

  /** Begins at once, so that the driver compiles while the test's answers are computed. */
  private static <T> Supplier<T> started(Supplier<T> work) {
    CompletableFuture<T> result = CompletableFuture.supplyAsync(work);
    return () -> {
      try {
        return result.join();
      } catch (CompletionException e) {
        switch (e.getCause()) {
          case RuntimeException cause -> throw cause;
          case Error cause -> throw cause;
          case null, default -> throw e;
        }
      }
    };
  }

  private static Optional<String> flaw(Device device, Supplier<SelfTest> test, Kernel.Code code) {
    try {
      return test.get().flaw(device, code);
    } catch (RuntimeException | Error e) {
      code.close();
      throw e;
    }
  }

  private static String refusal(DeviceInfo info, Artifact artifact, List<String> flaws) {
    String where =
        info.driver().isEmpty()
            ? info.name()
            : "%s, driver for CUDA %s,".formatted(info.name(), info.driver());
    return "kernel %s computes wrong results on %s with %s; use another version of the driver and report this, or set %s=off to launch it all the same"
        .formatted(
            artifact.manifest().entry(),
            where,
            String.join(" and with ", flaws),
            Setting.SELF_TEST.variable());
  }
}
