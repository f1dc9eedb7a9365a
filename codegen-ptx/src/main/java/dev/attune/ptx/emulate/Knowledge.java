package dev.attune.ptx.emulate;

import org.jspecify.annotations.Nullable;

/**
 * Who knows of what in a CTA: the vector clocks of the race checks.
 *
 * <p>Every access of shared memory is an event of an <em>agent</em> at a <em>time</em>. Agents are
 * the warps (an event of all their lanes together), the threads, the memory barriers (whose n-th
 * completed phase is their n-th event), the warpgroups' tensor cores and the threads' bulk stores.
 * A vector holds a time for each agent: all its events up to that time are known. A second part,
 * for warps and threads only, holds the times up to which their accesses are separated from the
 * asynchronous proxy by a fence on the way; see "proxy-preserved base causality order" in the
 * memory consistency model of the PTX ISA.
 *
 * <p>The lanes of a warp share one vector. A lane that learns something on its own has a vector of
 * its own besides, until the warp synchronises.
 */
final class Knowledge {
  /** Memory barriers that a CTA may have. */
  static final int MEMORY_BARRIERS = 128;

  /** Times fit above a lane in an {@code int}. */
  static final int TIME_LIMIT = 1 << 24;

  private static final int LANES = 32;

  private final int warps;
  private final int agents;
  private final int length;
  private final int[][] shared;
  private final int[][] @Nullable [] own;
  private final int[] now;
  private final int[] present;
  private final int[][] groups;

  Knowledge(int threads) {
    this.warps = Math.ceilDiv(threads, LANES);
    int warpgroups = Math.ceilDiv(warps, 4);
    this.agents = groupAgent(0) + warpgroups + (warps * LANES);
    this.length = agents + (warps * (LANES + 1));
    this.shared = new int[warps][length];
    this.own = new int[warps][LANES][];
    this.now = new int[warps];
    this.present = new int[warps];
    this.groups = new int[warpgroups][length];
    for (int w = 0; w < warps; w++) {
      now[w] = 1;
      int lanes = Math.min(LANES, threads - (w * LANES));
      present[w] = lanes == LANES ? -1 : (1 << lanes) - 1;
    }
  }

  // Agents.

  /** Agents that are readers or writers: all of them, numbered from zero. */
  int agents() {
    return agents;
  }

  int warps() {
    return warps;
  }

  int thread(int warp, int lane) {
    return warps + (warp * LANES) + lane;
  }

  private int barrierAgent() {
    return warps * (LANES + 1);
  }

  int barrierAgent(int barrier) {
    return barrierAgent() + barrier;
  }

  /** The tensor cores of a warpgroup. */
  int groupAgent(int warpgroup) {
    return barrierAgent() + MEMORY_BARRIERS + warpgroup;
  }

  /** The bulk stores of a thread. */
  int storeAgent(int warp, int lane) {
    return groupAgent(groups.length) + (warp * LANES) + lane;
  }

  /** Names an agent of a generic access, such as {@code warp 3, lane 5}. */
  String name(int agent) {
    if (agent < warps) {
      return "warp " + agent;
    }
    int thread = agent - warps;
    return "warp " + thread / LANES + ", lane " + thread % LANES;
  }

  /** Says how a read of the asynchronous proxy was left unordered. */
  String asyncReader(int agent) {
    if (agent < storeAgent(0, 0)) {
      return "by wgmma of warpgroup " + (agent - groupAgent(0)) + " with no wait for it";
    }
    int thread = agent - storeAgent(0, 0);
    return "by a bulk store of warp "
        + thread / LANES
        + ", lane "
        + thread % LANES
        + " with no wait for it";
  }

  boolean isGeneric(int agent) {
    return agent < barrierAgent();
  }

  boolean isBarrier(int agent) {
    return agent >= barrierAgent() && agent < groupAgent(0);
  }

  /** The memory barrier of an agent that is one. */
  int barrier(int agent) {
    return agent - barrierAgent();
  }

  // Queries.

  /** The time of the accesses that a warp makes now. */
  int now(int warp) {
    return now[warp];
  }

  /** An empty vector, for a barrier. */
  int[] vector() {
    return new int[length];
  }

  /** Whether a lane knows of an event. A lane knows what it did itself. */
  boolean knows(int warp, int lane, int agent, int time) {
    if (agent == warps + (warp * LANES) + lane && lane < LANES) {
      return true;
    }
    if (knows(shared[warp], 0, agent, time)) {
      return true;
    }
    int[] mine = lane < LANES ? own[warp][lane] : null;
    return mine != null && knows(mine, 0, agent, time);
  }

  /** Whether a fence separates a generic access from what a lane now starts asynchronously. */
  boolean fenced(int warp, int lane, int agent, int time) {
    if (knows(shared[warp], agents, agent, time)) {
      return true;
    }
    int[] mine = lane < LANES ? own[warp][lane] : null;
    return mine != null && knows(mine, agents, agent, time);
  }

  private boolean knows(int[] vector, int part, int agent, int time) {
    if (vector[part + agent] >= time) {
      return true;
    }
    if (agent < warps) {
      int first = part + warps + (agent * LANES);
      for (int lane = 0; lane < LANES; lane++) {
        if ((present[agent] >>> lane & 1) != 0 && vector[first + lane] < time) {
          return false;
        }
      }
      return true;
    }
    return agent < barrierAgent() && vector[part + ((agent - warps) / LANES)] >= time;
  }

  // Synchronisation.

  private void tick(int warp) {
    if (++now[warp] >= TIME_LIMIT) {
      throw new Fault(-1, "more synchronisations than the race check can count");
    }
  }

  private static void join(int[] into, int[] from) {
    for (int i = 0; i < into.length; i++) {
      into[i] = Math.max(into[i], from[i]);
    }
  }

  private boolean everyLane(int warp, int mask) {
    return mask == present[warp];
  }

  private int[] ownVector(int warp, int lane) {
    int[] mine = own[warp][lane];
    if (mine == null) {
      mine = shared[warp].clone();
      own[warp][lane] = mine;
    }
    return mine;
  }

  /** Lanes pass on what they have done and know. */
  void release(int warp, int mask, int[] into) {
    join(into, shared[warp]);
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      int[] mine = own[warp][lane];
      if (mine != null) {
        join(into, mine);
      }
      into[thread(warp, lane)] = now[warp];
    }
    if (everyLane(warp, mask)) {
      into[warp] = now[warp];
    }
    tick(warp);
  }

  /** Lanes take over what others have passed on. */
  void acquire(int warp, int mask, int[] from) {
    if (everyLane(warp, mask)) {
      join(shared[warp], from);
      return;
    }
    for (int left = mask; left != 0; left &= left - 1) {
      join(ownVector(warp, Integer.numberOfTrailingZeros(left)), from);
    }
  }

  /** Lanes learn of the events of one agent. */
  void learn(int warp, int mask, int agent, int time) {
    if (everyLane(warp, mask)) {
      shared[warp][agent] = Math.max(shared[warp][agent], time);
      return;
    }
    for (int left = mask; left != 0; left &= left - 1) {
      int[] mine = ownVector(warp, Integer.numberOfTrailingZeros(left));
      mine[agent] = Math.max(mine[agent], time);
    }
  }

  /** The last event of an agent that some of the lanes know of. */
  int known(int warp, int mask, int agent) {
    int time = shared[warp][agent];
    for (int left = mask; left != 0; left &= left - 1) {
      int[] mine = own[warp][Integer.numberOfTrailingZeros(left)];
      time = mine == null ? time : Math.max(time, mine[agent]);
    }
    return time;
  }

  /** The lanes of a warp synchronise with each other. */
  void synchronise(int warp) {
    for (int lane = 0; lane < LANES; lane++) {
      int[] mine = own[warp][lane];
      if (mine != null) {
        join(shared[warp], mine);
        own[warp][lane] = null;
      }
    }
    shared[warp][warp] = now[warp];
    tick(warp);
  }

  /** {@code fence.proxy.async} by some lanes: what they know of is fenced for them from now on. */
  void fence(int warp, int mask) {
    if (everyLane(warp, mask)) {
      fence(shared[warp]);
      shared[warp][agents + warp] = now[warp];
      for (int[] mine : own[warp]) {
        if (mine != null) {
          fence(mine);
        }
      }
    } else {
      for (int left = mask; left != 0; left &= left - 1) {
        int lane = Integer.numberOfTrailingZeros(left);
        int[] mine = ownVector(warp, lane);
        fence(mine);
        mine[agents + thread(warp, lane)] = now[warp];
      }
    }
    tick(warp);
  }

  private void fence(int[] vector) {
    for (int i = 0; i < length - agents; i++) {
      vector[agents + i] = Math.max(vector[agents + i], vector[i]);
    }
  }

  // Warpgroups.

  /** The four warps of a warpgroup execute an instruction as one. */
  void issueTogether(int warpgroup) {
    for (int w = 4 * warpgroup; w < Math.min(warps, (4 * warpgroup) + 4); w++) {
      release(w, present[w], groups[warpgroup]);
    }
  }

  /**
   * A warp has waited for what its warpgroup's tensor cores did up to a time; it now also knows
   * that the other warps have come to that instruction.
   */
  void awaitTogether(int warp, int time) {
    acquire(warp, present[warp], groups[warp / 4]);
    learn(warp, present[warp], groupAgent(warp / 4), time);
  }
}
