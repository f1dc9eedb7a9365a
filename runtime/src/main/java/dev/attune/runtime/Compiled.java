package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.cache.ArtifactStore;
import dev.attune.runtime.cache.DiskCache;
import java.util.function.BiFunction;

/**
 * What has been compiled, so that a spec is compiled once for a request, in however many threads,
 * attentions and processes it is used.
 */
final class Compiled {
  /** Requests whose candidates are kept: each may be some megabytes of PTX. */
  private static final int CAPACITY = 32;

  /** What this process has compiled. */
  static final Compiled OF_PROCESS = new Compiled(Candidates::of);

  private final BiFunction<AttentionSpec, Request, Candidates> compiler;
  private final Lru<Key, Candidates> kept = new Lru<>(CAPACITY);

  private record Key(AttentionSpec spec, Request request) {}

  Compiled(BiFunction<AttentionSpec, Request, Candidates> compiler) {
    this.compiler = compiler;
  }

  /**
   * The candidates for a request.
   *
   * @param cache what other processes have compiled
   */
  Candidates of(AttentionSpec spec, Request request, DiskCache cache) {
    return kept.get(new Key(spec, request), key -> make(key, new ArtifactStore(cache)));
  }

  private Candidates make(Key key, ArtifactStore store) {
    return store
        .get(key.spec(), key.request())
        .orElseGet(
            () -> {
              Candidates made = compiler.apply(key.spec(), key.request());
              store.put(key.spec(), key.request(), made);
              return made;
            });
  }
}
