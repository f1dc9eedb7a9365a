package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op.Items;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** One copy of a role while it runs: its values, and how far it has come. */
final class Worker {
  private static final long NONE = -1;

  private final Cta cta;
  private final Op.Role role;
  private final int copy;
  private final Place place;
  private final Values values = new Values();
  private final TileMath math;
  private final Statistics statistics;
  private final Products products;
  private final Map<Op.Phase, Long> tiles = new EnumMap<>(Op.Phase.class);
  private final Deque<Frame> frames = new ArrayDeque<>();
  // The item that Claim has taken for the next iteration.
  private long claimed = NONE;

  Worker(Cta cta, Op.Role role, int copy, Place place, SplittableRandom random) {
    this.cta = cta;
    this.role = role;
    this.copy = copy;
    this.place = place;
    this.math = new TileMath(values, place);
    this.statistics = new Statistics(values, place);
    this.products = new Products(values, math, random);
    frames.push(new Body(role.body()));
  }

  /** Begins an item. */
  void enter(WorkOrder.Item item) {
    values.clear();
    place.enter(item);
    values.putInt(place.kernel().qTile(), item.tile());
  }

  boolean ended() {
    return frames.isEmpty();
  }

  /** The kv tiles its loops have visited, by phase: none where it only puts them. */
  Map<Op.Phase, Long> tiles() {
    boolean puts = Ops.all(role.body()).anyMatch(Op.Put.class::isInstance);
    boolean gets = Ops.all(role.body()).anyMatch(Op.Get.class::isInstance);
    return puts && !gets ? Map.of() : tiles;
  }

  String name() {
    return cta.name() + (role.copies() == 1 ? role.name() : role.name() + " " + copy);
  }

  /** Goes on by one operation, or tells what it waits for. */
  Optional<String> step() {
    Frame frame = frames.element();
    if (frame.next == frame.ops.size()) {
      Optional<String> waits = frame.end();
      if (waits.isEmpty() && ended()) {
        products.requireNone(name());
        cta.close(role);
      }
      return waits;
    }
    Op op = frame.ops.get(frame.next);
    Optional<String> waits = waits(op);
    if (waits.isEmpty()) {
      frame.next++;
      run(op);
    }
    return waits;
  }

  private Optional<String> waits(Op op) {
    String thing =
        switch (op) {
          case Op.Put o when isWithin(o) && !cta.ring(o.channel()).hasRoom() -> "a free stage";
          case Op.Get o when !cta.ring(o.channel()).hasTile(copy) -> "a tile";
          default -> "";
        };
    return thing.isEmpty()
        ? Optional.empty()
        : Optional.of(TilePrinter.print(op) + " waits for ever for " + thing);
  }

  private boolean isWithin(Op.Put put) {
    return put.end().isEmpty() || index(put) < values.integer(put.end().get());
  }

  private long index(Op.Put put) {
    return values.integer(put.index()) + put.ahead();
  }

  private long tile(Operand operand, long index) {
    return operand == Operand.Q ? index : place.kvTile(index);
  }

  private void run(Op op) {
    switch (op) {
      case Op.Scalar o -> values.putInt(o.out(), place.integer(o.expr()));
      case Op.Load o -> {
        Type.Tile type = o.out().tile();
        long index = tile(o.operand(), values.integer(o.index()) + o.ahead());
        values.put(o.out(), matrix(type, cta.memory().load(o.operand(), type, place, index)));
      }
      case Op.Put o -> {
        if (isWithin(o)) {
          Channel c = o.channel();
          long tile = tile(c.operand(), index(o));
          cta.ring(c).put(cta.memory().load(c.operand(), c.type(), place, tile), place.item());
        }
      }
      case Op.Get o -> values.put(o.out(), matrix(o.out().tile(), cta.ring(o.channel()).get(copy)));
      case Op.Release o -> cta.ring(o.channel()).release(copy, op);
      case Op.Copy o -> math.copy(o);
      case Op.Fill o -> values.put(o.out(), TileMath.filled(o.out().type(), o.value()));
      case Op.Dot o ->
          values.put(
              o.out(),
              math.dot(
                  values.matrix(o.a()),
                  values.matrix(o.b()),
                  o.transposeB(),
                  o.accumulate().map(values::matrix)));
      case Op.Issue o -> products.issue(o.dot());
      case Op.Await o -> products.await(o.pending());
      case Op.Map o -> math.map(o);
      case Op.Mask o -> math.mask(o);
      case Op.Limit o -> math.limit(o);
      case Op.RowMax o -> statistics.rowMax(o);
      case Op.Rescale o -> statistics.rescale(o);
      case Op.ScaleRows o -> math.scaleRows(o);
      case Op.Exp2 o -> math.exp2(o);
      case Op.Weigh o -> math.weigh(o);
      case Op.RowSum o -> statistics.rowSum(o);
      case Op.ReduceRow o -> statistics.reduceRow(o);
      case Op.Cast o -> math.cast(o);
      case Op.Sink o -> statistics.sink(o);
      case Op.Normalize o -> math.normalize(o);
      case Op.LogSumExp o -> statistics.logSumExp(o);
      case Op.NaturalUnits o -> statistics.naturalUnits(o);
      case Op.Store o -> {
        if (o.staging() == Op.Staging.QUERY) {
          cta.queryRing(op).overwrite(copy, op);
        }
        cta.memory().store(place, values.matrix(o.in()));
      }
      case Op.StoreRow o -> cta.memory().storeRow(o.operand(), place, values.row(o.in()));
      case Op.Roles o -> throw new InvalidTileKernelException("roles", "roles within a role");
      case Op.ForItems o -> frames.push(new ItemLoop(o));
      case Op.Claim o -> {
        if (claimed != NONE) {
          throw new InvalidTileKernelException("claim", "an item has been claimed already");
        }
        claimed = cta.claim();
      }
      case Op.For o -> frames.push(new TileLoop(o));
    }
  }

  private static Data.Matrix matrix(Type.Tile type, double[] elements) {
    if (elements.length != type.rows() * type.cols()) {
      throw new IllegalStateException("%d elements for a %s".formatted(elements.length, type));
    }
    return new Data.Matrix(type.rows(), type.cols(), elements);
  }

  /** A list of operations being run. */
  private abstract static class Frame {
    final List<Op> ops;
    int next;

    Frame(List<Op> ops, int next) {
      this.ops = ops;
      this.next = next;
    }

    /** At the end of the list: runs it once more, or leaves it, or tells what it waits for. */
    abstract Optional<String> end();
  }

  private final class Body extends Frame {
    Body(List<Op> ops) {
      super(ops, 0);
    }

    @Override
    Optional<String> end() {
      frames.pop();
      return Optional.empty();
    }
  }

  private final class TileLoop extends Frame {
    private final Op.For loop;
    private final long to;
    private final long from;
    private long done;

    /** Before the first iteration. */
    TileLoop(Op.For loop) {
      super(loop.body(), loop.body().size());
      this.loop = loop;
      from = values.integer(loop.from());
      to = values.integer(loop.to());
      loop.carried().forEach(c -> values.put(c.param(), values.get(c.init())));
      done = NONE;
    }

    @Override
    Optional<String> end() {
      if (done != NONE) {
        List<Data> yields = loop.yields().stream().map(values::get).toList();
        for (int i = 0; i < yields.size(); i++) {
          values.put(loop.carried().get(i).param(), yields.get(i));
        }
      }
      done++;
      if (from + done < to) {
        boolean ascending = loop.direction() == Op.Direction.ASCENDING;
        values.putInt(loop.index(), ascending ? from + done : to - 1 - done);
        tiles.merge(loop.phase(), 1L, Long::sum);
        next = 0;
      } else {
        loop.carried().forEach(c -> values.put(c.result(), values.get(c.param())));
        frames.pop();
      }
      return Optional.empty();
    }
  }

  private final class ItemLoop extends Frame {
    private final Items items;
    private boolean begun;
    private int got;

    /** Before the first item. */
    ItemLoop(Op.ForItems loop) {
      super(loop.body(), loop.body().size());
      items = loop.items();
    }

    @Override
    Optional<String> end() {
      Optional<String> waits =
          switch (items) {
            case Items.Claimed c -> claimed();
            case Items.Received(Channel channel) -> received(channel);
          };
      begun |= waits.isEmpty();
      return waits;
    }

    private Optional<String> claimed() {
      if (!begun) {
        claimed = cta.claim();
      } else if (claimed == NONE) {
        throw new InvalidTileKernelException(name(), "no item is claimed");
      }
      long number = claimed;
      claimed = NONE;
      go(cta.item(number));
      return Optional.empty();
    }

    private Optional<String> received(Channel channel) {
      Ring ring = cta.ring(channel);
      if (begun && ring.got(copy) == got) {
        throw new InvalidTileKernelException(
            name(), "the item's tile of channel " + channel.name() + " is not got");
      }
      Optional<WorkOrder.Item> item = ring.nextItem(copy);
      if (item.isEmpty() && !ring.isClosed()) {
        return Optional.of("for items waits for ever for an item with channel " + channel.name());
      }
      got = ring.got(copy);
      go(item);
      return Optional.empty();
    }

    private void go(Optional<WorkOrder.Item> item) {
      products.requireNone(name());
      if (item.isPresent()) {
        enter(item.get());
        next = 0;
      } else {
        frames.pop();
      }
    }
  }
}
