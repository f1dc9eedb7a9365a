package dev.attune.ptx.hopper;

import dev.attune.compiler.schedule.Schedule;
import java.util.List;

/**
 * How the registers of an SM are shared out by {@code setmaxnreg}. A CTA starts with as many for
 * every thread as 65536 allow, in steps of 8; the producer gives back what the consumers take.
 *
 * @param entry registers of a thread at the start
 * @param producer registers of a producer thread
 * @param consumer registers of a consumer thread
 */
record Registers(int entry, int producer, int consumer) {
  private static final int POOL = 64 * 1024;
  private static final int GROUP = 128;

  /** The least share of a producer of packed heads: with less it spilled. */
  private static final int LEAST_PACKED = 40;

  /** The shares of a number of consumers, those of the least producer first. */
  private static List<Registers> shares(int consumers) {
    int entry = Math.min(256, POOL / (GROUP * (consumers + 1)) / 8 * 8);
    return switch (consumers) {
      case 1 -> List.of(new Registers(entry, 232, 256));
      case 2 ->
          List.of(
              new Registers(entry, 24, 240),
              new Registers(entry, 40, 232),
              new Registers(entry, 104, 200),
              new Registers(entry, 152, 176));
      case 3 -> List.of(new Registers(entry, 32, 160), new Registers(entry, 80, 144));
      case 4 -> List.of(new Registers(entry, 24, 112), new Registers(entry, 32, 112));
      default -> throw new IllegalArgumentException(consumers + " consumer warpgroups");
    };
  }

  /** The shares where the producer keeps little. */
  static Registers of(Schedule.Hopper schedule) {
    return shares(schedule.consumers()).getFirst();
  }

  /**
   * The shares where a producer keeps some values: the least that has room for them, else the
   * largest, of those that leave the consumers what they need.
   *
   * @param values registers that the values of the producer occupy at a time
   * @param consumer registers that a consumer thread needs
   */
  static Registers of(Schedule.Hopper schedule, int values, int consumer) {
    List<Registers> possible =
        shares(schedule.consumers()).stream().filter(r -> r.consumer() >= consumer).toList();
    return possible.stream()
        .filter(r -> values <= r.room())
        .filter(r -> !schedule.packed() || r.producer() >= LEAST_PACKED)
        .findFirst()
        .orElse(possible.getLast());
  }

  /**
   * Values for which the producer has room. Its code has each once; the assembler computes again
   * what is cheap. Of the producers assembled, none with as many spilled.
   */
  private int room() {
    return producer + producer / 8 + 13;
  }

  Registers {
    int consumers = POOL / entry / GROUP - 1;
    if (GROUP * (producer + consumers * consumer) > GROUP * (consumers + 1) * entry) {
      throw new IllegalArgumentException(
          "producer %d and consumers %d exceed the pool".formatted(producer, consumer));
    }
  }
}
