package dev.attune.compiler.tile;

import dev.attune.compiler.tile.Op.Carried;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** What every walk over tile operations needs: the values of an operation, and renaming. */
public final class Ops {
  private Ops() {}

  /** The operation with every value it reads or defines, in nested bodies too, replaced. */
  public static Op rename(Op op, UnaryOperator<Value> f) {
    return switch (op) {
      case Op.Scalar o -> new Op.Scalar(f.apply(o.out()), o.expr());
      case Op.Load o -> new Op.Load(f.apply(o.out()), o.operand(), f.apply(o.index()), o.ahead());
      case Op.Put o -> new Op.Put(o.channel(), f.apply(o.index()), o.ahead(), o.end().map(f));
      case Op.Get o -> new Op.Get(f.apply(o.out()), o.channel());
      case Op.Release o -> o;
      case Op.Copy o -> new Op.Copy(f.apply(o.out()), f.apply(o.in()));
      case Op.Fill o -> new Op.Fill(f.apply(o.out()), o.value());
      case Op.Dot o ->
          new Op.Dot(
              f.apply(o.out()),
              f.apply(o.a()),
              f.apply(o.b()),
              o.transposeB(),
              o.accumulate().map(f));
      case Op.Issue o -> new Op.Issue((Op.Dot) rename(o.dot(), f));
      case Op.Await o -> o;
      case Op.Map o -> new Op.Map(f.apply(o.out()), f.apply(o.in()), o.expr(), f.apply(o.index()));
      case Op.Mask o ->
          new Op.Mask(
              f.apply(o.out()), f.apply(o.in()), o.predicate(), o.otherwise(), f.apply(o.index()));
      case Op.Limit o ->
          new Op.Limit(
              f.apply(o.out()),
              f.apply(o.in()),
              o.first(),
              o.last(),
              o.otherwise(),
              f.apply(o.index()));
      case Op.RowMax o ->
          new Op.RowMax(f.apply(o.out()), f.apply(o.in()), o.factor(), f.apply(o.floor()));
      case Op.Rescale o ->
          new Op.Rescale(
              f.apply(o.max()),
              f.apply(o.sumOut()),
              f.apply(o.alpha()),
              f.apply(o.oldMax()),
              f.apply(o.newMax()),
              f.apply(o.sum()),
              o.rule());
      case Op.ScaleRows o -> new Op.ScaleRows(f.apply(o.out()), f.apply(o.in()), f.apply(o.row()));
      case Op.Exp2 o ->
          new Op.Exp2(f.apply(o.out()), f.apply(o.in()), o.factor(), f.apply(o.max()), o.guarded());
      case Op.Weigh o ->
          new Op.Weigh(
              f.apply(o.out()),
              f.apply(o.in()),
              o.expr(),
              o.factor(),
              f.apply(o.max()),
              f.apply(o.index()));
      case Op.RowSum o -> new Op.RowSum(f.apply(o.out()), f.apply(o.in()), f.apply(o.initial()));
      case Op.ReduceRow o -> new Op.ReduceRow(f.apply(o.out()), f.apply(o.in()));
      case Op.Cast o -> new Op.Cast(f.apply(o.out()), f.apply(o.in()));
      case Op.Sink o ->
          new Op.Sink(
              f.apply(o.maxOut()),
              f.apply(o.sumOut()),
              f.apply(o.alpha()),
              f.apply(o.max()),
              f.apply(o.sum()),
              o.sink());
      case Op.Normalize o -> new Op.Normalize(f.apply(o.out()), f.apply(o.in()), f.apply(o.sum()));
      case Op.LogSumExp o -> new Op.LogSumExp(f.apply(o.out()), f.apply(o.max()), f.apply(o.sum()));
      case Op.NaturalUnits o -> new Op.NaturalUnits(f.apply(o.out()), f.apply(o.in()));
      case Op.Store o -> new Op.Store(o.operand(), f.apply(o.in()), o.staging());
      case Op.StoreRow o -> new Op.StoreRow(o.operand(), f.apply(o.in()));
      case Op.Roles o ->
          new Op.Roles(
              o.roles().stream()
                  .map(r -> new Op.Role(r.name(), r.copies(), rename(r.body(), f)))
                  .toList());
      case Op.ForItems o -> new Op.ForItems(o.items(), rename(o.body(), f));
      case Op.Claim o -> o;
      case Op.For o ->
          new Op.For(
              o.phase(),
              f.apply(o.index()),
              f.apply(o.from()),
              f.apply(o.to()),
              o.direction(),
              o.carried().stream()
                  .map(c -> new Carried(f.apply(c.param()), f.apply(c.init()), f.apply(c.result())))
                  .toList(),
              rename(o.body(), f),
              o.yields().stream().map(f).toList());
    };
  }

  /** Every operation renamed. */
  public static List<Op> rename(List<Op> ops, UnaryOperator<Value> f) {
    return ops.stream().map(op -> rename(op, f)).toList();
  }

  /** The values an operation defines: for a loop its results, not what its body defines. */
  public static List<Value> outputs(Op op) {
    return switch (op) {
      case Op.Scalar o -> List.of(o.out());
      case Op.Load o -> List.of(o.out());
      case Op.Put o -> List.of();
      case Op.Get o -> List.of(o.out());
      case Op.Release o -> List.of();
      case Op.Copy o -> List.of(o.out());
      case Op.Fill o -> List.of(o.out());
      case Op.Dot o -> List.of(o.out());
      case Op.Issue o -> List.of(o.dot().out());
      case Op.Await o -> List.of();
      case Op.Map o -> List.of(o.out());
      case Op.Mask o -> List.of(o.out());
      case Op.Limit o -> List.of(o.out());
      case Op.RowMax o -> List.of(o.out());
      case Op.Rescale o -> List.of(o.max(), o.sumOut(), o.alpha());
      case Op.ScaleRows o -> List.of(o.out());
      case Op.Exp2 o -> List.of(o.out());
      case Op.Weigh o -> List.of(o.out());
      case Op.RowSum o -> List.of(o.out());
      case Op.ReduceRow o -> List.of(o.out());
      case Op.Cast o -> List.of(o.out());
      case Op.Sink o -> List.of(o.maxOut(), o.sumOut(), o.alpha());
      case Op.Normalize o -> List.of(o.out());
      case Op.LogSumExp o -> List.of(o.out());
      case Op.NaturalUnits o -> List.of(o.out());
      case Op.Store o -> List.of();
      case Op.StoreRow o -> List.of();
      case Op.Roles o -> List.of();
      case Op.ForItems o -> List.of();
      case Op.Claim o -> List.of();
      case Op.For o -> o.carried().stream().map(Carried::result).toList();
    };
  }

  /** The values an operation reads from outside itself; for a loop, those its body reads too. */
  public static List<Value> inputs(Op op) {
    List<Value> defined = new ArrayList<>();
    List<Value> mentioned = new ArrayList<>();
    collect(op, mentioned::add, defined::add);
    mentioned.removeAll(defined);
    return mentioned.stream().distinct().toList();
  }

  /** The channel that an operation moves along. */
  public static Optional<Channel> channel(Op op) {
    if (op instanceof Op.Put put) {
      return Optional.of(put.channel());
    }
    if (op instanceof Op.Get get) {
      return Optional.of(get.channel());
    }
    return op instanceof Op.Release release ? Optional.of(release.channel()) : Optional.empty();
  }

  /** The channels that operations within move along, in the order written. */
  public static List<Channel> channels(Op op) {
    return all(List.of(op)).flatMap(inner -> channel(inner).stream()).distinct().toList();
  }

  /** The bodies inside an operation. */
  public static List<List<Op>> bodies(Op op) {
    return switch (op) {
      case Op.For o -> List.of(o.body());
      case Op.ForItems o -> List.of(o.body());
      case Op.Roles o -> o.roles().stream().map(Op.Role::body).toList();
      default -> List.of();
    };
  }

  /** The operations and all within their loops and roles, in the order written. */
  public static Stream<Op> all(List<Op> body) {
    return body.stream()
        .flatMap(op -> Stream.concat(Stream.of(op), bodies(op).stream().flatMap(Ops::all)));
  }

  private static void collect(Op op, Consumer<Value> mentions, Consumer<Value> defines) {
    rename(
        op,
        v -> {
          mentions.accept(v);
          return v;
        });
    defined(op, defines);
  }

  private static void defined(Op op, Consumer<Value> defines) {
    outputs(op).forEach(defines);
    if (op instanceof Op.For loop) {
      defines.accept(loop.index());
      loop.carried().forEach(c -> defines.accept(c.param()));
    }
    bodies(op).forEach(body -> body.forEach(inner -> defined(inner, defines)));
  }
}
