package dev.attune.ptx.hopper;

import dev.attune.compiler.schedule.Schedule;

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

  /** The shares under a schedule. */
  static Registers of(Schedule.Hopper schedule) {
    return of(schedule, false);
  }

  /**
   * The shares under a schedule.
   *
   * @param busy the producer tests tiles, reads tensors to find them, or finds the residue class of
   *     an item: like that of packed items it has more to keep
   */
  static Registers of(Schedule.Hopper schedule, boolean busy) {
    int consumers = schedule.consumers();
    int threads = GROUP * (consumers + 1);
    int entry = Math.min(256, POOL / threads / 8 * 8);
    return switch (consumers) {
      case 1 -> new Registers(entry, 128, 256);
      case 2 ->
          schedule.packed() || busy ? new Registers(entry, 40, 232) : new Registers(entry, 24, 240);
      case 3 -> new Registers(entry, 32, 160);
      case 4 -> new Registers(entry, busy ? 32 : 24, 112);
      default -> throw new IllegalArgumentException(consumers + " consumer warpgroups");
    };
  }

  Registers {
    int consumers = POOL / entry / GROUP - 1;
    if (GROUP * (producer + consumers * consumer) > GROUP * (consumers + 1) * entry) {
      throw new IllegalArgumentException(
          "producer %d and consumers %d exceed the pool".formatted(producer, consumer));
    }
  }
}
