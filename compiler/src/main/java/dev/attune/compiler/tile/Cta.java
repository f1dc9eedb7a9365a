package dev.attune.compiler.tile;

import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Operand;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** One CTA of a run: its channels and the copies of its roles. */
final class Cta {
  private final String name;
  private final Memory memory;
  private final Counter counter;
  private final List<Worker> workers = new ArrayList<>();
  private final Map<Channel, Ring> rings = new LinkedHashMap<>();

  /** The counter that the CTAs of a persistent kernel share. */
  static final class Counter {
    private final Work work;
    private long next;

    Counter(Work work) {
      this.work = work;
    }
  }

  /**
   * Before its first operation.
   *
   * @param name for messages, where there are several
   * @param counter where items are claimed, if they are
   * @param random of the moments at which things happen
   */
  Cta(
      String name,
      TileKernel kernel,
      Bindings bindings,
      Memory memory,
      Counter counter,
      boolean rounding,
      SplittableRandom random) {
    this.name = name;
    this.memory = memory;
    this.counter = counter;
    List<Op.Role> roles = roles(kernel);
    for (Op.Role role : roles) {
      for (Op op : Ops.all(role.body()).toList()) {
        if (op instanceof Op.Get get) {
          rings.computeIfAbsent(get.channel(), c -> new Ring(c, role.copies(), random.split()));
        }
      }
    }
    for (Op.Role role : roles) {
      for (int copy = 0; copy < role.copies(); copy++) {
        Place place = new Place(kernel, bindings, rounding, copy, role.copies());
        workers.add(new Worker(this, role, copy, place, random.split()));
      }
    }
  }

  /** The roles of a kernel; what has none is one. */
  static List<Op.Role> roles(TileKernel kernel) {
    return kernel.body().size() == 1 && kernel.body().getFirst() instanceof Op.Roles r
        ? r.roles()
        : List.of(new Op.Role("the CTA", 1, kernel.body()));
  }

  /** Gives every role one item. */
  Cta enter(WorkOrder.Item item) {
    workers.forEach(w -> w.enter(item));
    return this;
  }

  String name() {
    return name;
  }

  List<Worker> workers() {
    return workers;
  }

  Memory memory() {
    return memory;
  }

  Ring ring(Channel channel) {
    Ring ring = rings.get(channel);
    if (ring == null) {
      throw new InvalidTileKernelException("channel " + channel.name(), "no role gets its tiles");
    }
    return ring;
  }

  /** The channel that carries Q. */
  Ring queryRing(Op op) {
    return rings.entrySet().stream()
        .filter(e -> e.getKey().operand() == Operand.Q)
        .map(Map.Entry::getValue)
        .findFirst()
        .orElseThrow(
            () -> new InvalidTileKernelException(TilePrinter.print(op), "the query has no buffer"));
  }

  /** The number of the next item. */
  long claim() {
    return counter.next++;
  }

  /** The item of a number, unless there is none. */
  Optional<WorkOrder.Item> item(long number) {
    return number < counter.work.items()
        ? Optional.of(counter.work.item(number))
        : Optional.empty();
  }

  /** A role has ended: it puts no more. */
  void close(Op.Role role) {
    Ops.all(role.body())
        .filter(Op.Put.class::isInstance)
        .map(op -> ring(((Op.Put) op).channel()))
        .forEach(Ring::close);
  }

  /** Nothing is left in any channel. */
  void requireEmpty(String kernel) {
    rings.values().forEach(ring -> ring.requireEmpty(kernel));
  }
}
