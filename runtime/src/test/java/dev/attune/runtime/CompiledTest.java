package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.cache.DiskCache;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompiledTest {
  private static final Request REQUEST = new Request(List.of(Target.SM_80), Dtype.BF16, Work.DIM);

  @TempDir Path home;
  private final AtomicInteger compilations = new AtomicInteger();

  /** What a process has compiled that has just started. */
  private Compiled process() {
    return new Compiled(
        (spec, request) -> {
          compilations.incrementAndGet();
          return Candidates.of(spec, request);
        });
  }

  @Test
  void anotherProcessTakesWhatOneHasCompiled() {
    DiskCache cache = DiskCache.at(home.resolve("attune"));
    Compiled first = process();
    Candidates made = first.of(Work.SPEC, REQUEST, cache);
    assertEquals(made, first.of(Work.SPEC, REQUEST, cache));
    assertEquals(made, process().of(Work.SPEC, REQUEST, cache));
    assertEquals(1, compilations.get());
    assertEquals(made, process().of(Work.SPEC, REQUEST, DiskCache.off("")));
    assertEquals(2, compilations.get());
  }
}
