package dev.attune.compiler.tile;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/** Runs workers side by side, in an order drawn from a seed. */
final class Interleaving {
  // A turn is up to 2^LONGEST operations: some workers then stall while others run far ahead.
  private static final int LONGEST = 8;

  private Interleaving() {}

  /**
   * Runs them all to their end.
   *
   * @throws InvalidTileKernelException where none can go on, with what each waits for
   */
  static void run(String kernel, List<Worker> workers, SplittableRandom random) {
    List<Worker> ready = new ArrayList<>(workers);
    List<Worker> waiting = new ArrayList<>();
    while (!ready.isEmpty()) {
      Worker worker = ready.get(random.nextInt(ready.size()));
      int turn = random.nextInt(1, 1 << random.nextInt(1, LONGEST + 1));
      boolean moved = false;
      boolean waits = false;
      for (int i = 0; i < turn && !waits && !worker.ended(); i++) {
        waits = worker.step().isPresent();
        moved |= !waits;
      }
      if (waits || worker.ended()) {
        ready.remove(worker);
      }
      if (moved) {
        ready.addAll(waiting);
        waiting.clear();
      }
      if (waits) {
        waiting.add(worker);
      }
    }
    if (!waiting.isEmpty()) {
      throw new InvalidTileKernelException(
          kernel,
          waiting.stream()
              .map(w -> w.name() + " at " + w.step().map(Object::toString).orElse("its end"))
              .sorted()
              .collect(Collectors.joining("; ")));
    }
  }
}
