package dev.attune.cli;

import dev.attune.compiler.reference.Result;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceInfo;
import dev.attune.runtime.DeviceProblem;
import dev.attune.runtime.Event;
import java.util.ArrayList;
import java.util.List;

/** Runs a kernel on a problem and times it. */
final class Launcher {
  private static final int CUDA_WARM_UP = 3;
  private static final int CUDA_TIMED = 11;

  /** Emulated launches shorter than this are repeated: the first also warms the emulator up. */
  private static final double REPEAT_BELOW_MS = 1000;

  private Launcher() {}

  /**
   * What a launch gave.
   *
   * @param milliseconds of a launch after warm-up: the median of several on a CUDA device, the last
   *     on an emulated one
   */
  record Outcome(Result result, double milliseconds) {}

  /** Launches, downloads. */
  static Outcome run(Device device, DeviceProblem problem) {
    double milliseconds =
        device.info().kind() == DeviceInfo.Kind.CUDA
            ? median(device, problem)
            : warm(device, problem);
    return new Outcome(problem.result(), milliseconds);
  }

  private static double median(Device device, DeviceProblem problem) {
    for (int i = 0; i < CUDA_WARM_UP; i++) {
      problem.launch();
    }
    List<Double> times = new ArrayList<>();
    for (int i = 0; i < CUDA_TIMED; i++) {
      times.add(timed(device, problem));
    }
    return times.stream().sorted().skip(times.size() / 2).findFirst().orElseThrow();
  }

  private static double warm(Device device, DeviceProblem problem) {
    double spent = 0;
    double last = 0;
    for (int i = 0; i < 4 && spent < REPEAT_BELOW_MS; i++) {
      last = timed(device, problem);
      spent += last;
    }
    return last;
  }

  private static double timed(Device device, DeviceProblem problem) {
    try (Event start = device.newEvent();
        Event end = device.newEvent()) {
      start.record(device.stream());
      problem.launch();
      end.record(device.stream());
      return end.millisecondsSince(start);
    }
  }
}
