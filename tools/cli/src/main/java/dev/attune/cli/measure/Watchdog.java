package dev.attune.cli.measure;

import java.io.PrintStream;

/**
 * Ends the program when a step takes too long: a kernel that waits forever cannot be called back,
 * and nothing that waits for the device returns.
 */
public final class Watchdog implements AutoCloseable {
  /** The exit code of a program ended so. */
  public static final int HUNG = 4;

  private record Step(String what, long since) {}

  private volatile Step step = new Step("start", System.nanoTime());
  private final Thread thread;

  /** Starts watching. */
  public Watchdog(PrintStream err, double seconds) {
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("watchdog")
            .start(
                () -> {
                  while (!Thread.currentThread().isInterrupted()) {
                    try {
                      Thread.sleep(500);
                    } catch (InterruptedException e) {
                      return;
                    }
                    Step now = step;
                    if (System.nanoTime() - now.since() > seconds * 1e9) {
                      err.println("no progress in %s: it hangs".formatted(now.what()));
                      err.flush();
                      Runtime.getRuntime().halt(HUNG);
                    }
                  }
                });
  }

  /** A step begins. */
  public void step(String what) {
    step = new Step(what, System.nanoTime());
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
