package dev.attune.ptx.ampere;

import dev.attune.compiler.tile.Channel;
import dev.attune.compiler.tile.Op;
import dev.attune.ptx.Inst;
import dev.attune.ptx.select.Emitter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Places the waits and barriers that channels need. A got tile must have arrived (this thread's
 * copies by {@code cp.async.wait_group}) and be visible (the other threads' by a barrier); a buffer
 * must not be overwritten before every thread has released it, so a put after a release needs a
 * barrier between them.
 */
final class Synchronization {
  private final Emitter emit;
  private final List<Channel> groups = new ArrayList<>();
  private final Set<Channel> released = new HashSet<>();

  Synchronization(Emitter emit) {
    this.emit = emit;
  }

  /** Before a put. */
  void beforePut(Channel channel) {
    if (released.contains(channel)) {
      barrier();
    }
  }

  /** A put has committed its group. */
  void committed(Channel channel) {
    groups.add(channel);
  }

  /** Before neighbouring gets of the channels: one wait and one barrier for all. */
  void get(List<Channel> channels) {
    int last = -1;
    for (Channel channel : channels) {
      int at = groups.indexOf(channel);
      if (at < 0) {
        throw new IllegalStateException("nothing was put into " + channel.name());
      }
      last = Math.max(last, at);
    }
    emit.add(new Inst.CpAsyncWait(groups.size() - 1 - last));
    groups.subList(0, last + 1).clear();
    barrier();
  }

  void release(Channel channel) {
    released.add(channel);
  }

  /** Emits a loop's body: whatever holds when it is entered must hold when it repeats. */
  void loop(List<Op> body, Runnable emitBody) {
    List<Channel> before = List.copyOf(groups);
    for (Op op : body) {
      if (op instanceof Op.Release r) {
        released.add(r.channel());
      }
    }
    emitBody.run();
    if (!before.equals(groups)) {
      throw new IllegalStateException("a loop changes the copies in flight");
    }
  }

  /** Waits for every copy. */
  void drain() {
    emit.add(new Inst.CpAsyncWait(0));
    groups.clear();
  }

  private void barrier() {
    emit.add(new Inst.BarSync(0));
    released.clear();
  }
}
