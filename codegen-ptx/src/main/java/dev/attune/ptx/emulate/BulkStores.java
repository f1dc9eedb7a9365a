package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The bulk tensor copies from shared memory that the threads of a warp have under way. */
final class BulkStores {
  private final Warp warp;
  private final List<Store> all = new ArrayList<>();

  /** Groups that each lane has closed. */
  private final int[] closed = new int[32];

  BulkStores(Warp warp) {
    this.warp = warp;
  }

  /** A copy under way; its data is known from when it was read. */
  private static final class Store {
    final int lane;
    final Header by;
    final TensorBox box;

    /** The thread's group of copies, counted from one. */
    final int group;

    int @Nullable [] data;
    boolean written;

    Store(int lane, Header by, TensorBox box, int group) {
      this.lane = lane;
      this.by = by;
      this.box = box;
      this.group = group;
    }
  }

  void start(int lane, Header by, TensorBox box) {
    Cta cta = warp.cta;
    box.checkSource(cta.shared(), warp.index, lane);
    int reader = cta.knowledge().storeAgent(warp.index, lane);
    cta.shared().beginAsyncRead(lane, reader, closed[lane] + 1, box.shared(), box.bytes());
    warp.counters.globalStoreSectors += box.checkStore(cta.launch().global(), cta.number(), lane);
    warp.counters.asyncCopies++;
    Store store = new Store(lane, by, box, closed[lane] + 1);
    all.add(store);
    if (early()) {
      read(store);
      if (early()) {
        write(store);
      }
    }
  }

  private boolean early() {
    return switch (warp.cta.launch().config().options().async()) {
      case LATEST -> false;
      case EARLIEST -> true;
      case RANDOM -> warp.random.nextBoolean();
    };
  }

  private int[] read(Store store) {
    int[] data = store.data;
    if (data == null) {
      data = store.box.read(warp.cta.shared());
      store.data = data;
    }
    return data;
  }

  private void write(Store store) {
    if (!store.written) {
      store.box.write(warp.cta.launch().global(), read(store), store.lane);
      store.written = true;
    }
  }

  /** {@code cp.async.bulk.commit_group}. */
  void commit(int mask) {
    for (int lane = 0; lane < 32; lane++) {
      closed[lane] += mask >>> lane & 1;
    }
  }

  /** {@code cp.async.bulk.wait_group}: all but the latest groups are done, or only have read. */
  void await(int mask, int leave, boolean readOnly) {
    Knowledge knowledge = warp.cta.knowledge();
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      int done = closed[lane] - leave;
      if (done <= 0) {
        continue;
      }
      knowledge.learn(warp.index, 1 << lane, knowledge.storeAgent(warp.index, lane), done);
      for (Store store : List.copyOf(all)) {
        if (store.lane == lane && store.group <= done) {
          read(store);
          if (!readOnly) {
            write(store);
          }
          if (store.written) {
            all.remove(store);
          }
        }
      }
    }
  }

  /** Lanes exit: their copies must have been closed and waited for until they have read. */
  void checkExit(int mask) {
    Knowledge knowledge = warp.cta.knowledge();
    for (Store store : all) {
      int lane = store.lane;
      if ((mask >>> lane & 1) == 0) {
        continue;
      }
      if (store.group > closed[lane]) {
        throw new Fault(
            lane,
            "pending: the thread exits with a bulk store that was not committed, started "
                + store.by.where());
      }
      int agent = knowledge.storeAgent(warp.index, lane);
      if (knowledge.known(warp.index, 1 << lane, agent) < store.group) {
        throw new Fault(
            lane,
            "pending: the thread exits while a bulk store may still read shared memory:"
                + " cp.async.bulk.wait_group is missing, started "
                + store.by.where());
      }
    }
  }

  /** The CTA has ended: the copies are written by now. */
  void finish() {
    all.forEach(this::write);
    all.clear();
  }
}
