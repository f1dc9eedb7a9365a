package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Operand;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Goes through the operations of one role in order, with what is defined, held and in flight. */
final class RoleVerifier {
  private final TileKernel kernel;
  private final OpRules rules;
  private final Held held;
  private final TileRules tiles;
  private final Set<Operand> stored;
  private final FlightRules products = new FlightRules();
  private final Set<String> names = new HashSet<>();

  /**
   * Before the first operation.
   *
   * @param stored the outputs that roles read before store
   */
  RoleVerifier(TileKernel kernel, OpRules rules, Held held, TileRules tiles, Set<Operand> stored) {
    this.kernel = kernel;
    this.rules = rules;
    this.held = held;
    this.tiles = tiles;
    this.stored = stored;
  }

  /**
   * Checks the whole role.
   *
   * @param where the role or the kernel
   */
  void run(String where, List<Op> body) {
    names.add(kernel.qTile().name());
    item(where, body);
  }

  /** The work on one item, and nothing of it left behind. */
  private void item(String where, List<Op> ops) {
    body(ops, new HashSet<>(Set.of(kernel.qTile())), false);
    products.requireNone(where);
    tiles.end(where);
  }

  private void body(List<Op> ops, Set<Value> scope, boolean inLoop) {
    for (Op op : ops) {
      reads(op).forEach(value -> requireReadable(op, scope, value));
      rules.check(op);
      step(op, scope, inLoop);
      Ops.outputs(op).forEach(value -> define(op, scope, value));
    }
  }

  /** What an operation itself reads: not what bodies in it do. */
  private static List<Value> reads(Op op) {
    return switch (op) {
      case Op.For loop ->
          Stream.concat(
                  Stream.of(loop.from(), loop.to()), loop.carried().stream().map(Op.Carried::init))
              .toList();
      case Op.ForItems loop -> List.of();
      case Op.Roles roles -> List.of();
      default -> Ops.inputs(op);
    };
  }

  private void step(Op op, Set<Value> scope, boolean inLoop) {
    switch (op) {
      case Op.Put o -> tiles.put(o);
      case Op.Get o -> tiles.get(o);
      case Op.Release o -> products.requireUnread(op, tiles.release(o));
      case Op.Copy o -> require(op, held.isBuffer(o.in()), o.in() + " is in registers already");
      case Op.Issue o -> products.issue(o);
      case Op.Await o -> products.await(o);
      case Op.Store o -> {
        store(op, o.operand(), inLoop);
        if (o.staging() == Op.Staging.QUERY) {
          products.requireUnread(op, held.overwriteQuery(o));
        }
      }
      case Op.StoreRow o -> store(op, o.operand(), inLoop);
      case Op.ForItems o -> item(TilePrinter.print(op), o.body());
      case Op.For o -> loop(o, scope);
      default -> {}
    }
  }

  private void loop(Op.For loop, Set<Value> scope) {
    Set<Value> inner = new HashSet<>(scope);
    define(loop, inner, loop.index());
    loop.carried().forEach(c -> define(loop, inner, c.param()));
    Stream.concat(loop.carried().stream().map(Op.Carried::init), loop.yields().stream())
        .forEach(v -> require(loop, !held.isBuffer(v), "the buffer %s is carried".formatted(v)));
    products.requireNone(TilePrinter.print(loop));
    tiles.enter(loop);
    body(loop.body(), inner, true);
    loop.yields().forEach(y -> requireReadable(loop, inner, y));
    products.requireNone(TilePrinter.print(loop));
    tiles.leave(loop);
  }

  private void define(Op op, Set<Value> scope, Value value) {
    require(op, names.add(value.name()), value + " is defined twice");
    scope.add(value);
  }

  private void requireReadable(Op op, Set<Value> scope, Value value) {
    require(
        op,
        scope.contains(value),
        "%s of type %s is not defined here".formatted(value, value.type()));
    held.requireReadable(op, value);
    products.requireReadable(op, value);
  }

  private void store(Op op, Operand operand, boolean inLoop) {
    require(op, !inLoop, "a store in a loop");
    require(op, stored.add(operand), operand + " is stored twice");
  }

  private static void require(Op op, boolean holds, String rule) {
    InvalidTileKernelException.require(op, holds, rule);
  }
}
