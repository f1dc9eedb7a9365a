package dev.attune.ptx;

import dev.attune.ptx.artifact.Parameter;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The bytes a barrier is told to expect are those of the TMA loads that then complete on it, on
 * every path and before the register that holds its address changes.
 */
final class Transactions implements Analysis<Map<Inst.Address, Integer>> {
  /** Where paths disagree. */
  private static final int MIXED = -1;

  private static final int BYTES_OF_ELEMENT = 2;

  private final @Nullable Parameter[] maps;
  private final Set<Integer> bases = new HashSet<>();

  Transactions(Flow flow) {
    maps = new Parameter[flow.registers()];
    boolean[] other = new boolean[flow.registers()];
    for (int i = 0; i < flow.size(); i++) {
      if (flow.plain(i) instanceof Inst.MbarrierExpect e) {
        bases.add(flow.number(e.barrier().base()));
      }
      for (int r : flow.writes(i)) {
        if (flow.plain(i) instanceof Inst.TensorMapAddress t
            && (maps[r] == null || t.parameter().equals(maps[r]))) {
          maps[r] = t.parameter();
        } else {
          other[r] = true;
        }
      }
    }
    for (int r = 0; r < maps.length; r++) {
      maps[r] = other[r] ? null : maps[r];
    }
  }

  @Override
  public Map<Inst.Address, Integer> start() {
    return Map.of();
  }

  @Override
  public Map<Inst.Address, Integer> through(
      View view, Flow.Block block, Map<Inst.Address, Integer> state) {
    Flow flow = view.flow();
    Map<Inst.Address, Integer> left = new HashMap<>(state);
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      switch (flow.plain(i)) {
        case Inst.MbarrierExpect e -> {
          done(flow, i, left, e.barrier());
          left.put(e.barrier(), e.bytes());
        }
        case Inst.TmaLoad load -> {
          int bytes = box(flow, i, load.map());
          int expected = left.getOrDefault(load.barrier(), 0);
          if (expected == MIXED || expected < bytes) {
            throw flow.fail(
                i,
                "the box has %d bytes, but the barrier expects %s"
                    .formatted(bytes, expected == MIXED ? "not the same on every path" : expected));
          }
          left.put(load.barrier(), expected - bytes);
        }
        case Inst.TmaStore store -> box(flow, i, store.map());
        case Inst.Ret r -> {
          for (Inst.Address a : left.keySet()) {
            done(flow, i, left, a);
          }
        }
        default -> {
          for (int r : flow.writes(i)) {
            if (bases.contains(r)) {
              for (Inst.Address a : left.keySet()) {
                if (flow.number(a.base()) == r) {
                  done(flow, i, left, a);
                }
              }
            }
          }
        }
      }
      left.values().removeIf(bytes -> bytes == 0);
    }
    return Map.copyOf(left);
  }

  private static void done(
      Flow flow, int at, Map<Inst.Address, Integer> left, Inst.Address barrier) {
    int bytes = left.getOrDefault(barrier, 0);
    if (bytes != 0) {
      throw flow.fail(
          at,
          "the barrier at %s still expects %s"
              .formatted(barrier.text(), bytes == MIXED ? "bytes on some path" : bytes + " bytes"));
    }
  }

  /** Bytes that a load or a store of a map moves. */
  private int box(Flow flow, int at, Reg map) {
    @Nullable Parameter parameter = maps[flow.number(map)];
    if (parameter == null || !(parameter.role() instanceof Parameter.Role.TensorMap t)) {
      throw flow.fail(at, map.text() + " is not the address of one tensor map");
    }
    return BYTES_OF_ELEMENT * t.boxCols() * t.boxRows();
  }

  @Override
  public Map<Inst.Address, Integer> join(
      View view, Flow.Block block, Map<Inst.Address, Integer> a, Map<Inst.Address, Integer> b) {
    if (a.equals(b)) {
      return a;
    }
    Map<Inst.Address, Integer> joined = new HashMap<>(a);
    b.forEach((address, bytes) -> joined.merge(address, bytes, (x, y) -> x.equals(y) ? x : MIXED));
    a.keySet().stream().filter(k -> !b.containsKey(k)).forEach(k -> joined.put(k, MIXED));
    b.keySet().stream().filter(k -> !a.containsKey(k)).forEach(k -> joined.put(k, MIXED));
    return joined;
  }
}
