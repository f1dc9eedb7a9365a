package dev.attune.ptx.emulate;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The shared memory of a CTA with what the race checks know of it. Accesses are told apart by
 * granules, the size of the program's smallest shared access; each granule keeps its last write and
 * every agent's last read. An access must know of those before it, as {@link Knowledge} says; what
 * the asynchronous proxy (bulk tensor copies and {@code wgmma}) touches after a generic write must
 * also be separated from it by a fence. Bytes of memory barriers are out of bounds for all of them.
 */
final class SharedMemory {
  private static final int LANE_BITS = 6;

  /** Stands for several lanes of a warp; never equal to a lane. */
  static final int MANY_LANES = 32;

  private static final int POISON = 0x7FF7_7FF7;

  private final Knowledge knowledge;
  private final int bytes;
  private final int shift;
  private final int warps;
  private final int[] words;

  /** Agent and time of each granule's last write; agents count from one. */
  private final int[] writer;

  private final int[] writeTime;

  /** Time and, for warps, lane of each reader's last read of each granule. */
  private final int[] @Nullable [] reads;

  /** Readers that are not warps, in the order in which they came. */
  private int[] asyncReaders = new int[4];

  private int asyncReaderCount;

  /** A copy that may still write: 1 + thread of a cp.async, −1 − barrier of a bulk copy. */
  private final int[] pending;

  /** The memory barrier at each multiple of eight bytes. */
  private @Nullable Mbarrier @Nullable [] barriers;

  SharedMemory(Knowledge knowledge, int bytes, int granule) {
    this.knowledge = knowledge;
    this.bytes = bytes;
    this.shift = Integer.numberOfTrailingZeros(granule);
    this.warps = knowledge.warps();
    int granules = (bytes + granule - 1) >> shift;
    this.words = new int[(bytes + 3) / 4];
    this.writer = new int[granules];
    this.writeTime = new int[granules];
    this.reads = new int[knowledge.agents()][];
    this.pending = new int[granules];
  }

  // Contents.

  int word(int address) {
    return words[address >> 2];
  }

  void setWord(int address, int value) {
    words[address >> 2] = value;
  }

  /** Loads up to four bytes, zero-extended. */
  int load(int address, int size) {
    int word = words[address >> 2];
    return size == 4 ? word : word >>> (8 * (address & 3)) & ((1 << (8 * size)) - 1);
  }

  void store(int address, int size, int value) {
    if (size == 4) {
      words[address >> 2] = value;
    } else {
      int at = 8 * (address & 3);
      int mask = ((1 << (8 * size)) - 1) << at;
      words[address >> 2] = (words[address >> 2] & ~mask) | (value << at & mask);
    }
  }

  // Places.

  private void checkPlace(int lane, int address, int size) {
    checkBounds(lane, address, size);
    if ((address & (size - 1)) != 0) {
      throw new Fault(lane, "misaligned: shared access of " + size + " bytes at " + address);
    }
  }

  private void checkBounds(int lane, int address, int size) {
    if (address < 0 || address > bytes - size) {
      throw new Fault(
          lane,
          "out of bounds: shared access of "
              + size
              + " bytes at "
              + address
              + ", the CTA has "
              + bytes
              + " bytes");
    }
    if (barriers != null) {
      for (int at = address >> 3; at <= (address + size - 1) >> 3; at++) {
        if (barriers[at] != null) {
          throw new Fault(
              lane,
              "mbarrier: shared access of "
                  + size
                  + " bytes at "
                  + address
                  + " touches the memory barrier at "
                  + (at << 3));
        }
      }
    }
  }

  private int last(int address, int size) {
    return (address + size - 1) >> shift;
  }

  // Memory barriers.

  /** The memory barrier at an address; there must be one. */
  Mbarrier barrier(int lane, int address) {
    if ((address & 7) != 0) {
      throw new Fault(lane, "misaligned: memory barrier at " + address);
    }
    Mbarrier found =
        barriers == null || address < 0 || address > bytes - 8 ? null : barriers[address >> 3];
    if (found == null) {
      throw new Fault(lane, "mbarrier: no memory barrier is initialised at " + address);
    }
    return found;
  }

  /** Puts a memory barrier where there is none. */
  void place(int warp, int lane, Mbarrier barrier) {
    int address = barrier.address();
    checkWrite(warp, lane, address, 8);
    written(warp, lane, address, 8);
    if (barriers == null) {
      barriers = new Mbarrier[(bytes >> 3) + 1];
    }
    barriers[address >> 3] = barrier;
  }

  /** Makes a memory barrier ordinary bytes again. */
  void remove(Mbarrier barrier) {
    if (barriers != null) {
      barriers[barrier.address() >> 3] = null;
    }
  }

  // Generic accesses.

  /** A read by a lane, or by {@link #MANY_LANES}; {@code lane} is blamed. */
  void checkRead(int warp, int lane, int reader, int address, int size) {
    checkPlace(lane, address, size);
    int now = knowledge.now(warp);
    int mine = now << LANE_BITS | reader;
    int[] mineBefore = readsOf(warp);
    for (int g = address >> shift; g <= last(address, size); g++) {
      if (pending[g] != 0) {
        throw pendingFault(lane, g, "read");
      }
      int agent = writer[g] - 1;
      if (agent < 0) {
        throw unwritten(lane, g);
      }
      if (!knowledge.knows(warp, reader, agent, writeTime[g])) {
        throw race(lane, g, "read", agent, writeTime[g]);
      }
      int read = mineBefore[g];
      if (read != mine) {
        // A read by another lane that is not known to all stays on record.
        boolean alone =
            read == 0
                || (read & ((1 << LANE_BITS) - 1)) == reader
                || knowledge.knows(warp, MANY_LANES, warp, read >>> LANE_BITS);
        mineBefore[g] = alone ? mine : now << LANE_BITS | MANY_LANES;
      }
    }
  }

  private int[] readsOf(int agent) {
    int[] found = reads[agent];
    if (found == null) {
      found = new int[writer.length];
      reads[agent] = found;
      if (agent >= warps) {
        if (asyncReaderCount == asyncReaders.length) {
          asyncReaders = Arrays.copyOf(asyncReaders, 2 * asyncReaderCount);
        }
        asyncReaders[asyncReaderCount++] = agent;
      }
    }
    return found;
  }

  /** A write by a lane, or by {@link #MANY_LANES}. */
  void checkWrite(int warp, int lane, int address, int size) {
    checkPlace(lane == MANY_LANES ? -1 : lane, address, size);
    checkOverwrite(warp, lane, address, size, false);
  }

  /** Makes a lane, or {@link #MANY_LANES}, the last writer, now. */
  void written(int warp, int lane, int address, int size) {
    record(address, size, agent(warp, lane), knowledge.now(warp));
  }

  private int agent(int warp, int lane) {
    return lane == MANY_LANES ? warp : knowledge.thread(warp, lane);
  }

  private void record(int address, int size, int agent, int time) {
    int first = address >> shift;
    int end = last(address, size) + 1;
    Arrays.fill(writer, first, end, agent + 1);
    Arrays.fill(writeTime, first, end, time);
  }

  /** Whoever writes must know of all accesses before. */
  private void checkOverwrite(int warp, int lane, int address, int size, boolean async) {
    int blamed = lane == MANY_LANES ? -1 : lane;
    int first = address >> shift;
    int last = last(address, size);
    int knownAgent = -1;
    int knownTime = 0;
    for (int g = first; g <= last; g++) {
      if (pending[g] != 0) {
        throw pendingFault(blamed, g, "written");
      }
      int agent = writer[g] - 1;
      if (agent < 0 || (agent == knownAgent && writeTime[g] == knownTime)) {
        continue;
      }
      if (!knowledge.knows(warp, lane, agent, writeTime[g])) {
        throw race(blamed, g, "overwritten", agent, writeTime[g]);
      }
      if (async) {
        checkFenced(warp, lane, g);
      }
      knownAgent = agent;
      knownTime = writeTime[g];
    }
    for (int w = 0; w < warps; w++) {
      int[] times = reads[w];
      int known = 0;
      for (int g = first; times != null && g <= last; g++) {
        int read = times[g];
        if (read != known) {
          int agent = agent(w, read & ((1 << LANE_BITS) - 1));
          if (!knowledge.knows(warp, lane, agent, read >>> LANE_BITS)) {
            throw readRace(blamed, g, "by " + knowledge.name(agent) + " with no barrier");
          }
          known = read;
        }
      }
    }
    for (int i = 0; i < asyncReaderCount; i++) {
      int agent = asyncReaders[i];
      int[] times = readsOf(agent);
      int known = 0;
      for (int g = first; g <= last; g++) {
        if (times[g] > known) {
          if (!knowledge.knows(warp, lane, agent, times[g])) {
            throw readRace(blamed, g, knowledge.asyncReader(agent));
          }
          known = times[g];
        }
      }
    }
  }

  private void checkFenced(int warp, int lane, int granule) {
    int agent = writer[granule] - 1;
    if (knowledge.isGeneric(agent) && !knowledge.fenced(warp, lane, agent, writeTime[granule])) {
      throw new Fault(
          lane == MANY_LANES ? -1 : lane,
          "unfenced: shared byte "
              + (granule << shift)
              + " was written by "
              + knowledge.name(agent)
              + " and is now accessed by the asynchronous proxy with no fence.proxy.async in"
              + " between");
    }
  }

  // Copies with cp.async.

  /** Marks bytes as the destination of a copy under way; the data is poison until it arrives. */
  void beginCopy(int warp, int lane, int address, int size, boolean poison) {
    checkWrite(warp, lane, address, size);
    begin(address, size, 1 + (warp << LANE_BITS | lane), poison);
  }

  private void begin(int address, int size, int mark, boolean poison) {
    Arrays.fill(pending, address >> shift, last(address, size) + 1, mark);
    if (poison) {
      Arrays.fill(words, address >> 2, (address + size) >> 2, POISON);
    }
  }

  void endCopy(int warp, int lane, int address, int size) {
    Arrays.fill(pending, address >> shift, last(address, size) + 1, 0);
    written(warp, lane, address, size);
  }

  // The asynchronous proxy.

  /** Marks bytes as the destination of a bulk copy that a lane starts. */
  void beginBulkCopy(int warp, int lane, int address, int size, int barrier, boolean poison) {
    checkBounds(lane, address, size);
    checkOverwrite(warp, lane, address, size, true);
    begin(address, size, -1 - barrier, poison);
  }

  /** The bulk copy has arrived in a phase of its barrier, counted from one. */
  void endBulkCopy(int address, int size, int barrier, int phase) {
    Arrays.fill(pending, address >> shift, last(address, size) + 1, 0);
    record(address, size, knowledge.barrierAgent(barrier), phase);
  }

  /** A lane starts a read of these bytes through the asynchronous proxy. */
  void checkAsyncSource(int warp, int lane, int address, int size) {
    checkBounds(lane, address, size);
    checkAsyncRead(warp, lane, lane, address, size);
  }

  /**
   * The asynchronous proxy reads bytes until who writes them knows of the reader's events up to
   * {@code time}.
   *
   * @param reader the agent that reads, such as {@link Knowledge#storeAgent}
   * @param time one more than the number of the reader's groups that are already closed
   */
  void beginAsyncRead(int lane, int reader, int time, int address, int size) {
    checkBounds(lane, address, size);
    Arrays.fill(readsOf(reader), address >> shift, last(address, size) + 1, time);
  }

  /**
   * A read of a warpgroup's tensor cores: all its warps must know of the writes before. The bytes
   * may not be written until who does knows of the reads up to {@code time}, by {@link
   * Knowledge#awaitTogether}.
   *
   * @param time one more than the number of the warpgroup's {@code wgmma} groups already committed
   */
  void groupRead(int warpgroup, int time, int address, int size) {
    checkBounds(-1, address, size);
    for (int w = 4 * warpgroup; w < Math.min(warps, (4 * warpgroup) + 4); w++) {
      checkAsyncRead(w, MANY_LANES, -1, address, size);
    }
    beginAsyncRead(-1, knowledge.groupAgent(warpgroup), time, address, size);
  }

  private void checkAsyncRead(int warp, int lane, int blamed, int address, int size) {
    int knownAgent = -1;
    int knownTime = 0;
    for (int g = address >> shift; g <= last(address, size); g++) {
      if (pending[g] != 0) {
        throw pendingFault(blamed, g, "read");
      }
      int agent = writer[g] - 1;
      if (agent < 0) {
        throw unwritten(blamed, g);
      }
      if (agent == knownAgent && writeTime[g] == knownTime) {
        continue;
      }
      if (!knowledge.knows(warp, lane, agent, writeTime[g])) {
        throw race(blamed, g, "read", agent, writeTime[g]);
      }
      checkFenced(warp, lane, g);
      knownAgent = agent;
      knownTime = writeTime[g];
    }
  }

  // Messages.

  private Fault unwritten(int lane, int granule) {
    return new Fault(
        lane,
        "uninitialised: shared byte " + (granule << shift) + " is read but was never written");
  }

  private Fault race(int lane, int granule, String now, int agent, int time) {
    String before =
        knowledge.isBarrier(agent)
            ? "by a bulk copy in phase "
                + (time - 1)
                + " of memory barrier "
                + knowledge.barrier(agent)
                + ", which was not waited for"
            : "by " + knowledge.name(agent) + " with no barrier in between";
    return new Fault(
        lane,
        "race: shared byte " + (granule << shift) + " is " + now + " but was written " + before);
  }

  private Fault readRace(int lane, int granule, String by) {
    return new Fault(
        lane,
        "race: shared byte "
            + (granule << shift)
            + " is overwritten but was read "
            + by
            + " in between");
  }

  private Fault pendingFault(int lane, int granule, String access) {
    int mark = pending[granule];
    String copy =
        mark > 0
            ? "a cp.async of warp "
                + ((mark - 1) >> LANE_BITS)
                + ", lane "
                + ((mark - 1) & 31)
                + " may still write it: cp.async.wait_group is missing"
            : "a bulk copy may still write it: the wait for its memory barrier "
                + (-1 - mark)
                + " is missing";
    return new Fault(
        lane, "pending: shared byte " + (granule << shift) + " is " + access + " while " + copy);
  }
}
