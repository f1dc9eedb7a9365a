package dev.attune.ptx.emulate;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One launch while it runs: deals CTAs to host threads and keeps the first failure. */
final class Launch {
  private final Program program;
  private final LaunchConfig config;
  private final byte[] parameters;
  private final GlobalMemory global;
  private final boolean hopper;
  private final Counters total = new Counters();
  private final AtomicInteger next = new AtomicInteger();

  /** The least CTA that failed, so that the failure reported does not depend on timing. */
  private volatile int failedCta = Integer.MAX_VALUE;

  private @Nullable RuntimeException failure;

  Launch(
      Program program,
      LaunchConfig config,
      byte[] parameters,
      GlobalMemory global,
      boolean hopper) {
    this.program = program;
    this.config = config;
    this.parameters = parameters;
    this.global = global;
    this.hopper = hopper;
  }

  Program program() {
    return program;
  }

  LaunchConfig config() {
    return config;
  }

  byte[] parameters() {
    return parameters;
  }

  GlobalMemory global() {
    return global;
  }

  /** Whether tensor cores add up as Hopper's do. */
  boolean hopper() {
    return hopper;
  }

  int dynamicSharedBase() {
    return EntryBuilder.align(program.staticShared(), program.dynamicAlignment());
  }

  int sharedBytes() {
    return config.dynamicSharedBytes() == 0
        ? program.staticShared()
        : dynamicSharedBase() + config.dynamicSharedBytes();
  }

  LaunchReport run() {
    int threads = Math.min(config.options().threads(), config.grid().count());
    Thread[] helpers = new Thread[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = Thread.ofPlatform().daemon().start(this::work);
    }
    work();
    for (Thread helper : helpers) {
      join(helper);
    }
    RuntimeException failed = failure;
    if (failed != null) {
      throw failed;
    }
    global.checkOutputs();
    return total.report();
  }

  private static void join(Thread helper) {
    boolean interrupted = false;
    while (true) {
      try {
        helper.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void work() {
    for (int cta = next.getAndIncrement();
        cta < config.grid().count() && cta < failedCta;
        cta = next.getAndIncrement()) {
      try {
        Cta running = new Cta(this, cta);
        running.run();
        total.add(running.counters());
      } catch (Stopped stopped) {
        return;
      } catch (RuntimeException | Error e) {
        fail(cta, e);
      }
    }
  }

  private synchronized void fail(int cta, Throwable cause) {
    if (cta < failedCta) {
      failedCta = cta;
      failure =
          cause instanceof RuntimeException runtime
              ? runtime
              : new IllegalStateException("The emulator failed in CTA " + cta + ".", cause);
    }
  }

  /** Ends a CTA early once an earlier one has failed. */
  void checkStopped(Cta cta) {
    if (cta.number() > failedCta) {
      throw new Stopped();
    }
  }

  private static final class Stopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Stopped() {
      super(null, null, false, false);
    }
  }
}
