package dev.attune.runtime;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The bytes that a tensor's elements occupy: equal runs of {@code run} bytes, repeated along axes,
 * in ascending order of their strides; all between {@code low} and {@code high}.
 *
 * @param empty whether there is no byte at all
 * @param low address of the first byte
 * @param high address after the last byte
 * @param run bytes in a row without a gap
 * @param axes repetitions of the run; strides in bytes, not negative
 */
record Footprint(boolean empty, long low, long high, long run, List<Axis> axes) {

  /** A repetition. */
  record Axis(long extent, long stride) {}

  Footprint {
    axes = List.copyOf(axes);
  }

  /**
   * The footprint of a tensor.
   *
   * @throws ArithmeticException if an address leaves 64 bits
   */
  static Footprint of(Tensor tensor) {
    return relative(tensor).at(tensor.address());
  }

  /**
   * The footprint of a tensor whose first element lies at address 0.
   *
   * @throws ArithmeticException if an address leaves 64 bits
   */
  static Footprint relative(Tensor tensor) {
    long low = 0;
    if (tensor.isEmpty()) {
      return new Footprint(true, low, low, 0, List.of());
    }
    int bytes = tensor.type().bytes();
    long high = Math.addExact(low, (long) bytes);
    List<Axis> all = new ArrayList<>();
    for (int axis = 0; axis < tensor.rank(); axis++) {
      if (tensor.extent(axis) > 1) {
        long stride = Math.multiplyExact(tensor.stride(axis), (long) bytes);
        long reach = Math.multiplyExact(stride, tensor.extent(axis) - 1L);
        low = Math.addExact(low, Math.min(0, reach));
        high = Math.addExact(high, Math.max(0, reach));
        all.add(new Axis(tensor.extent(axis), Math.absExact(stride)));
      }
    }
    all.sort(Comparator.comparingLong(Axis::stride));
    long run = bytes;
    List<Axis> axes = new ArrayList<>();
    for (Axis axis : all) {
      if (axes.isEmpty() && axis.stride() == run) {
        run = Math.multiplyExact(run, axis.extent());
      } else if (!axes.isEmpty()
          && axis.stride()
              == Math.multiplyExact(axes.getLast().stride(), axes.getLast().extent())) {
        Axis inner = axes.removeLast();
        axes.add(new Axis(Math.multiplyExact(inner.extent(), axis.extent()), inner.stride()));
      } else {
        axes.add(axis);
      }
    }
    return new Footprint(false, low, high, run, axes);
  }

  /**
   * The same bytes, that many addresses later.
   *
   * @throws ArithmeticException if an address leaves 64 bits
   */
  Footprint at(long distance) {
    return new Footprint(
        empty, Math.addExact(low, distance), Math.addExact(high, distance), run, axes);
  }

  /**
   * Refuses a tensor that does not lie inside its buffer.
   *
   * @throws LaunchException naming it
   */
  void requireInside(Tensor tensor, String name) {
    Buffer buffer = tensor.buffer();
    if (buffer.isClosed()) {
      throw new LaunchException("%s lies in a buffer that is closed".formatted(name));
    }
    long start = buffer.address();
    long end = start + buffer.bytes();
    if (!empty && (low < start || high > end)) {
      throw new LaunchException(
          "%s (%s) occupies bytes %d to %d of its buffer, which has %d bytes"
              .formatted(name, tensor, low - start, high - start, buffer.bytes()));
    }
  }

  /** Whether two elements of the tensor might share a byte; exact for nested axes. */
  boolean mayOverlapItself() {
    long span = run;
    for (Axis axis : axes) {
      if (axis.stride() < span) {
        return true;
      }
      span = axis.stride() * (axis.extent() - 1) + span;
    }
    return false;
  }

  /**
   * Whether the two might share a byte. Runs that interleave at fixed places of a common period, as
   * the parts of a packed tensor do, are told apart.
   */
  boolean mayOverlap(Footprint other) {
    if (empty || other.empty || high <= other.low || other.high <= low) {
      return false;
    }
    long period = 0;
    for (Axis axis : axes) {
      period = gcd(period, axis.stride());
    }
    for (Axis axis : other.axes) {
      period = gcd(period, axis.stride());
    }
    if (period == 0 || run > period || other.run > period) {
      return true;
    }
    long distance = Math.floorMod(other.low - low, period);
    return distance < run || period - distance < other.run;
  }

  /** The bytes as runs along the innermost axis. */
  List<LaunchPlan.Runs> runs() {
    if (empty) {
      return List.of();
    }
    Axis inner = axes.isEmpty() ? new Axis(1, run) : axes.getFirst();
    List<Long> starts = List.of(low);
    for (Axis axis : axes.subList(Math.min(1, axes.size()), axes.size())) {
      List<Long> next = new ArrayList<>();
      for (long start : starts) {
        for (long i = 0; i < axis.extent(); i++) {
          next.add(start + i * axis.stride());
        }
      }
      starts = next;
    }
    return starts.stream()
        .map(start -> new LaunchPlan.Runs(start, run, inner.extent(), inner.stride()))
        .toList();
  }

  private static long gcd(long a, long b) {
    return b == 0 ? a : gcd(b, a % b);
  }
}
