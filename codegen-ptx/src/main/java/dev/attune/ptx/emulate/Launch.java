package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One launch while it runs: deals CTAs to host threads and keeps the first failure. */
final class Launch {
  /** CTAs that take turns on one host thread where they can tell in which order they run. */
  private static final int RESIDENT = 4;

  private final Program program;
  private final LaunchConfig config;
  private final byte[] parameters;
  private final GlobalMemory global;
  private final boolean hopper;
  private final ConcurrentHashMap<Integer, TensorMap> tensorMaps = new ConcurrentHashMap<>();
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

  /** The tensor map at a place in the parameters. */
  TensorMap tensorMap(int lane, int offset) {
    try {
      return tensorMaps.computeIfAbsent(offset, key -> TensorMap.decode(parameters, key));
    } catch (IllegalArgumentException e) {
      throw new Fault(lane, "tensor map: " + e.getMessage());
    }
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
    int threads =
        program.interleaved() ? 1 : Math.min(config.options().threads(), config.grid().count());
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
    List<Cta> resident = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(config.options().seed() * 0x2545_F491L);
    int turn = 0;
    while (true) {
      while (resident.size() < (program.interleaved() ? RESIDENT : 1)) {
        int started = next.getAndIncrement();
        if (started >= config.grid().count() || started >= failedCta) {
          break;
        }
        resident.add(new Cta(this, started));
      }
      if (resident.isEmpty()) {
        return;
      }
      boolean choose = config.options().warps() == WarpOrder.RANDOM;
      turn = choose ? random.nextInt(resident.size()) : turn % resident.size();
      Cta running = resident.get(turn);
      try {
        if (running.advance()) {
          turn++;
        } else {
          total.add(running.counters());
          resident.remove(running);
        }
      } catch (Stopped stopped) {
        return;
      } catch (RuntimeException | Error e) {
        fail(running.number(), e);
        return;
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
