package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.cache.ArtifactStore;
import dev.attune.runtime.cache.DiskCache;
import java.util.function.BiFunction;

/**
 * What has been compiled, so that a spec is compiled once for a request, in however many threads
 * and attentions it is used.
 */
final class Compiled {
  /** Requests whose candidates are kept: each may be some megabytes of PTX. */
  private static final int CAPACITY = 32;

  /** What this process has compiled, or found on disk. */
  static final Compiled OF_PROCESS = new Compiled(Compiled::kept);

  private final BiFunction<AttentionSpec, Request, Candidates> compiler;
  private final Lru<Key, Candidates> kept = new Lru<>(CAPACITY);

  private record Key(AttentionSpec spec, Request request) {}

  Compiled(BiFunction<AttentionSpec, Request, Candidates> compiler) {
    this.compiler = compiler;
  }

  private static Candidates kept(AttentionSpec spec, Request request) {
    ArtifactStore store = new ArtifactStore(DiskCache.ofUser());
    return Candidates.of(
        Candidates.families().stream().map(store::keeping).toList(), spec, request);
  }

  Candidates of(AttentionSpec spec, Request request) {
    return kept.get(new Key(spec, request), key -> compiler.apply(key.spec(), key.request()));
  }
}
