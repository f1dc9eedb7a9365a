package dev.attune.ptx.select;

import dev.attune.ptx.Reg;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Registers by the computation whose value they hold, with those of the enclosing scopes. */
final class Numbering {
  private final @Nullable Numbering outer;
  private final Map<Key, Reg> known = new HashMap<>();

  Numbering(@Nullable Numbering outer) {
    this.outer = outer;
  }

  /** A computation: what it does, and on what. */
  record Key(List<Object> parts) {}

  static Key key(Object... parts) {
    return new Key(List.of(parts));
  }

  @Nullable Reg find(Key key) {
    Reg here = known.get(key);
    return here != null || outer == null ? here : outer.find(key);
  }

  void put(Key key, Reg reg) {
    known.put(key, reg);
  }

  void forget(Reg.Kind kind) {
    known.values().removeIf(r -> r.kind() == kind);
  }
}
