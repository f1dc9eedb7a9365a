package dev.attune.cli.measure;

import dev.attune.runtime.Device;
import dev.attune.runtime.Event;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Times launches beside each other: in every round each of them once, in another order. A card at
 * its power limit slows down as it heats up, so only times of the same rounds can be compared.
 */
public final class Rounds {
  private static final int WARM_UP = 2;
  private static final int CALIBRATION = 3;
  private static final int MOST_CALLS = 60;
  private static final int HOST_CALLS = 50;
  private static final int HOST_TRIES = 5;

  private final Device device;
  private final double milliseconds;
  private final Random random = new Random(1);

  /**
   * Measures on a device's own stream.
   *
   * @param milliseconds about how long one measurement takes
   */
  public Rounds(Device device, double milliseconds) {
    this.device = device;
    this.milliseconds = milliseconds;
  }

  /** Something that queues one launch on the device's stream. */
  public record Contender(String name, Runnable launch) {}

  /**
   * What was measured.
   *
   * @param milliseconds of one launch on the device, one for each round
   */
  public record Times(String name, List<Double> milliseconds) {
    public Times {
      milliseconds = List.copyOf(milliseconds);
    }

    /** The median on the device, in milliseconds. */
    public double median() {
      return Rounds.median(milliseconds);
    }
  }

  /** Times contenders, in their order. */
  public List<Times> run(List<Contender> contenders, int rounds) {
    List<Integer> calls = contenders.stream().map(this::calls).toList();
    List<List<Double>> times = new ArrayList<>();
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < contenders.size(); i++) {
      times.add(new ArrayList<>());
      order.add(i);
    }
    for (int round = 0; round < rounds; round++) {
      Collections.shuffle(order, random);
      for (int i : order) {
        times.get(i).add(time(contenders.get(i), calls.get(i)));
      }
    }
    List<Times> results = new ArrayList<>();
    for (int i = 0; i < contenders.size(); i++) {
      results.add(new Times(contenders.get(i).name(), times.get(i)));
    }
    return results;
  }

  /** Launches of one measurement. */
  private int calls(Contender contender) {
    for (int i = 0; i < WARM_UP; i++) {
      contender.launch().run();
    }
    double one = time(contender, CALIBRATION);
    return Math.clamp(Math.round(milliseconds / Math.max(one, 1e-3)), 1, MOST_CALLS);
  }

  private double time(Contender contender, int calls) {
    try (Event start = device.newEvent();
        Event end = device.newEvent()) {
      start.record(device.stream());
      for (int i = 0; i < calls; i++) {
        contender.launch().run();
      }
      end.record(device.stream());
      return end.millisecondsSince(start) / calls;
    }
  }

  /** Microseconds that the host takes to queue a launch while the device is busy. */
  public double host(Contender contender) {
    List<Double> tries = new ArrayList<>();
    for (int t = 0; t < HOST_TRIES; t++) {
      device.synchronize();
      long start = System.nanoTime();
      for (int i = 0; i < HOST_CALLS; i++) {
        contender.launch().run();
      }
      tries.add((System.nanoTime() - start) / 1e3 / HOST_CALLS);
    }
    device.synchronize();
    return median(tries);
  }

  /** The middle value, the mean of both where there are two. */
  static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }
}
