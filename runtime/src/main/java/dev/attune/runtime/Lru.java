package dev.attune.runtime;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Values that are costly to compute, by what they depend on; the least recently used go first. Of
 * the threads that ask for a value that is not there one computes it, and the others wait for it
 * and no other.
 */
final class Lru<K, V> {
  private final int capacity;
  private final Map<K, Entry<V>> entries = new ConcurrentHashMap<>();
  private final AtomicLong clock = new AtomicLong();

  private static final class Entry<V> {
    final CompletableFuture<V> value = new CompletableFuture<>();
    volatile long used;
  }

  Lru(int capacity) {
    this.capacity = capacity;
  }

  /**
   * The value of a key, computed if it is not there. What throws is not kept, and thrown in every
   * thread that waited for it.
   */
  V get(K key, Function<? super K, ? extends V> compute) {
    @Nullable Entry<V> found = entries.get(key);
    if (found == null) {
      Entry<V> mine = new Entry<>();
      mine.used = clock.incrementAndGet();
      found = entries.putIfAbsent(key, mine);
      if (found == null) {
        return computed(key, mine, compute);
      }
    }
    found.used = clock.incrementAndGet();
    try {
      return found.value.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }

  /** Whether there is a value of a key, not one that is still being computed. */
  boolean has(K key) {
    @Nullable Entry<V> found = entries.get(key);
    return found != null && found.value.isDone();
  }

  private V computed(K key, Entry<V> entry, Function<? super K, ? extends V> compute) {
    V value;
    try {
      value = compute.apply(key);
    } catch (RuntimeException | Error e) {
      entries.remove(key, entry);
      entry.value.completeExceptionally(e);
      throw e;
    }
    entry.value.complete(value);
    if (entries.size() > capacity) {
      entries.entrySet().stream()
          .filter(e -> e.getValue().value.isDone())
          .min(Comparator.comparingLong(e -> e.getValue().used))
          .ifPresent(oldest -> entries.remove(oldest.getKey(), oldest.getValue()));
    }
    return value;
  }

  /** Forgets every value; an action gets those that there are, and those being computed later. */
  void clear(Consumer<? super V> action) {
    for (K key : List.copyOf(entries.keySet())) {
      @Nullable Entry<V> entry = entries.remove(key);
      if (entry != null) {
        var _ = entry.value.thenAccept(action);
      }
    }
  }

  /** The number of values that are kept. */
  int size() {
    return entries.size();
  }
}
