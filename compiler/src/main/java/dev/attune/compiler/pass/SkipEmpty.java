package dev.attune.compiler.pass;

import dev.attune.compiler.analysis.KvTiles;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.Op.Direction;
import dev.attune.compiler.tile.Op.Phase;
import dev.attune.compiler.tile.Ops;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.compiler.tile.Type;
import dev.attune.compiler.tile.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A consumer computes only tiles that have a live key for its own rows; the others it gets and
 * releases. What it takes for full tiles follows its own rows too.
 */
final class SkipEmpty {
  static final Pass PASS =
      new Pass(
          "skip-empty",
          "a consumer passes over tiles without a live key for its rows",
          kernel -> new SkipEmpty(kernel).rewrite());

  private final TileKernel kernel;
  private final VisitedTiles item;
  private final VisitedTiles own;

  private SkipEmpty(TileKernel kernel) {
    this.kernel = kernel;
    KvTiles tiles = kernel.kvTiles();
    KvTiles ofRows = tiles.ofRows(TileKernel.ROLE_FIRST, TileKernel.ROLE_LAST);
    this.item = VisitedTiles.ofItem(tiles);
    this.own = item.ofRows(ofRows);
  }

  private TileKernel rewrite() {
    return kernel.withBody(
        kernel.body().stream()
            .map(
                op ->
                    op instanceof Op.Roles roles
                        ? new Op.Roles(roles.roles().stream().map(this::role).toList())
                        : op)
            .toList());
  }

  private Op.Role role(Op.Role role) {
    boolean computes = Ops.all(role.body()).anyMatch(op -> op instanceof Op.Store);
    return computes ? new Op.Role(role.name(), role.copies(), consumer(role.body())) : role;
  }

  private List<Op> consumer(List<Op> ops) {
    List<Op.For> loops =
        ops.stream().filter(op -> op instanceof Op.For).map(op -> (Op.For) op).toList();
    Value from = loops.getLast().from();
    Value last = loops.getFirst().to();
    boolean before = !own.from().equals(item.from());
    boolean after = !own.last().equals(item.last());
    Value ownFrom = before ? integer("roleFrom") : from;

    List<Op> body = new ArrayList<>();
    body.add(new Op.Scalar(from, item.from()));
    if (before) {
      body.add(new Op.Scalar(ownFrom, own.from()));
    }
    body.add(new Op.Scalar(last, own.last()));
    own.fullFrom().ifPresent(e -> body.add(new Op.Scalar(loops.getLast().to(), e)));
    own.fullTo().ifPresent(e -> body.add(new Op.Scalar(loops.getFirst().from(), e)));
    Value to = integer("to");
    Value ownTo = integer("roleTo");
    if (after) {
      body.add(new Op.Scalar(ownTo, own.to()));
      body.add(new Op.Scalar(to, item.to()));
    }

    int firstKey =
        first(ops, op -> op instanceof Op.Get get && get.channel().operand() == Operand.K);
    int lastValue =
        first(
            ops.reversed(), op -> op instanceof Op.Release r && r.channel().operand() == Operand.V);
    Channel keys = channel(ops, Operand.K);
    Channel values = channel(ops, Operand.V);
    for (int at = 0; at < ops.size(); at++) {
      if (at == firstKey && after) {
        body.add(empty(".after", ownTo, to, keys, values));
      }
      if (!(ops.get(at) instanceof Op.Scalar)) {
        body.add(Ops.rename(ops.get(at), v -> v.equals(from) ? ownFrom : v));
      }
      if (at == ops.size() - 1 - lastValue && before) {
        body.add(empty(".before", from, ownFrom, keys, values));
      }
    }
    return body;
  }

  private static Op empty(String suffix, Value from, Value to, Channel keys, Channel values) {
    return new Op.For(
        Phase.EMPTY,
        integer("j" + suffix),
        from,
        to,
        Direction.DESCENDING,
        List.of(),
        List.of(
            new Op.Get(new Value("K" + suffix, keys.type()), keys),
            new Op.Release(keys),
            new Op.Get(new Value("V" + suffix, values.type()), values),
            new Op.Release(values)),
        List.of());
  }

  private static int first(List<Op> ops, Predicate<Op> wanted) {
    for (int at = 0; at < ops.size(); at++) {
      if (wanted.test(ops.get(at))) {
        return at;
      }
    }
    throw new IllegalStateException("a consumer that gets no keys or releases no values");
  }

  private static Channel channel(List<Op> ops, Operand operand) {
    return Ops.all(ops)
        .flatMap(op -> Ops.channel(op).stream())
        .filter(c -> c.operand() == operand)
        .findFirst()
        .orElseThrow();
  }

  private static Value integer(String name) {
    return new Value(name, new Type.Int());
  }
}
