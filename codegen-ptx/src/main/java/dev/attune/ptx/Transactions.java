package dev.attune.ptx;

import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.artifact.Parameter;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The bytes a barrier is told to expect are those of the TMA loads that then complete on it, on
 * every path and before the register that holds its address changes. The boxes of a grouped tensor
 * map are counted: a multiple of their bytes is expected, which are a parameter.
 */
final class Transactions implements Analysis<Map<Inst.Address, Transactions.Amount>> {
  private static final int BYTES_OF_ELEMENT = 2;

  private final @Nullable Parameter[] maps;
  private final @Nullable Inst[] definitions;
  private final Set<Integer> bases = new HashSet<>();

  /** What a barrier may still expect. */
  sealed interface Amount {
    record Bytes(long count) implements Amount {}

    /** Boxes of an operand's grouped map. */
    record Boxes(Operand of, long count) implements Amount {}

    /** Paths disagree. */
    record Mixed() implements Amount {}

    /** What is left without another amount; none if it is not part of this. */
    default Optional<Amount> without(Amount other) {
      return switch (this) {
        case Bytes(long count) when other instanceof Bytes(long less) && less <= count ->
            Optional.of(new Bytes(count - less));
        case Boxes(Operand of, long count)
            when other instanceof Boxes(Operand less, long boxes) && less == of && boxes <= count ->
            Optional.of(new Boxes(of, count - boxes));
        default -> Optional.empty();
      };
    }

    default boolean none() {
      return switch (this) {
        case Bytes(long count) -> count == 0;
        case Boxes(Operand of, long count) -> count == 0;
        case Mixed m -> false;
      };
    }

    default String text() {
      return switch (this) {
        case Bytes(long count) -> count + " bytes";
        case Boxes(Operand of, long count) -> count + " boxes of " + of;
        case Mixed m -> "not the same on every path";
      };
    }
  }

  Transactions(Flow flow) {
    maps = new Parameter[flow.registers()];
    definitions = Values.definitions(flow);
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
  public Map<Inst.Address, Amount> start() {
    return Map.of();
  }

  @Override
  public Map<Inst.Address, Amount> through(
      View view, Flow.Block block, Map<Inst.Address, Amount> state) {
    Flow flow = view.flow();
    Map<Inst.Address, Amount> left = new HashMap<>(state);
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      switch (flow.plain(i)) {
        case Inst.MbarrierExpect e -> {
          done(flow, i, left, e.barrier());
          left.put(e.barrier(), expected(flow, i, e.bytes()));
        }
        case Inst.TmaLoad load -> {
          Amount box = box(flow, i, load.map(), load.coordinates().size());
          Amount before = left.getOrDefault(load.barrier(), new Amount.Bytes(0));
          Optional<Amount> after = before.without(box);
          if (after.isEmpty()) {
            throw flow.fail(
                i,
                "the box has %s, but the barrier expects %s".formatted(box.text(), before.text()));
          }
          left.put(load.barrier(), after.get());
        }
        case Inst.TmaStore store -> box(flow, i, store.map(), store.coordinates().size());
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
      left.values().removeIf(Amount::none);
    }
    return Map.copyOf(left);
  }

  private static void done(
      Flow flow, int at, Map<Inst.Address, Amount> left, Inst.Address barrier) {
    Amount rest = left.get(barrier);
    if (rest != null) {
      throw flow.fail(
          at, "the barrier at %s still expects %s".formatted(barrier.text(), rest.text()));
    }
  }

  /** Bytes, or a multiple of a parameter that says how many a box has. */
  private Amount expected(Flow flow, int at, dev.attune.ptx.Operand bytes) {
    if (bytes instanceof IntConst(long count)) {
      return new Amount.Bytes(count);
    }
    Inst definition = definition(flow, bytes);
    long times = 1;
    if (definition instanceof Inst.Arith(var op, var type, var dst, var a, var b)
        && op == Inst.IntOp.MUL
        && b instanceof IntConst(long factor)) {
      definition = definition(flow, a);
      times = factor;
    }
    if (definition instanceof Inst.LdParam load
        && load.parameter().role() instanceof Parameter.Role.BoxBytes(Operand of)) {
      return new Amount.Boxes(of, times);
    }
    throw flow.fail(at, bytes.text() + " is no multiple of the bytes of a box");
  }

  private @Nullable Inst definition(Flow flow, dev.attune.ptx.Operand operand) {
    return operand instanceof Reg r ? definitions[flow.number(r)] : null;
  }

  /** What a load or a store of a map moves. */
  private Amount box(Flow flow, int at, Reg map, int coordinates) {
    @Nullable Parameter parameter = maps[flow.number(map)];
    if (parameter == null || !(parameter.role() instanceof Parameter.Role.TensorMap t)) {
      throw flow.fail(at, map.text() + " is not the address of one tensor map");
    }
    if (coordinates != t.form().rank()) {
      throw flow.fail(at, map.text() + " is not a tensor map of rank " + coordinates);
    }
    return t.form() == Parameter.Form.GROUPED
        ? new Amount.Boxes(t.of(), 1)
        : new Amount.Bytes((long) BYTES_OF_ELEMENT * t.boxCols() * t.boxRows());
  }

  @Override
  public Map<Inst.Address, Amount> join(
      View view, Flow.Block block, Map<Inst.Address, Amount> a, Map<Inst.Address, Amount> b) {
    if (a.equals(b)) {
      return a;
    }
    Amount mixed = new Amount.Mixed();
    Map<Inst.Address, Amount> joined = new HashMap<>(a);
    b.forEach((address, x) -> joined.merge(address, x, (y, z) -> y.equals(z) ? y : mixed));
    a.keySet().stream().filter(k -> !b.containsKey(k)).forEach(k -> joined.put(k, mixed));
    b.keySet().stream().filter(k -> !a.containsKey(k)).forEach(k -> joined.put(k, mixed));
    return joined;
  }
}
