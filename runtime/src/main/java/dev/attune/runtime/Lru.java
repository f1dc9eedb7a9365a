package dev.attune.runtime;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Values that are costly to compute, by what they depend on; the least recently used go first. */
final class Lru<K, V> {
  private final int capacity;
  private final Map<K, V> entries = new LinkedHashMap<>(16, 0.75f, true);

  Lru(int capacity) {
    this.capacity = capacity;
  }

  /** The value of a key, computed if it is not there; what throws is not kept. */
  synchronized V get(K key, Function<K, V> compute) {
    @Nullable V found = entries.get(key);
    if (found != null) {
      return found;
    }
    V value = compute.apply(key);
    entries.put(key, value);
    if (entries.size() > capacity) {
      entries.remove(entries.keySet().iterator().next());
    }
    return value;
  }

  /** The number of values that are kept. */
  synchronized int size() {
    return entries.size();
  }
}
