package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Global memory as one launch sees it: every access is checked, and each word remembers which CTA
 * wrote which of its bytes. A word's record is its owner above four bits for the bytes written.
 */
final class GlobalMemory {
  private static final int MIXED = (1 << 28) - 1;
  private static final int ATOMIC = (1 << 28) - 2;

  private final EmulatedMemory memory;
  private final List<OutputRegion> outputs;
  private final Map<Allocation, List<OutputRegion>> outputsByAllocation = new HashMap<>();
  private final long launch;
  private final DeviceOrder order = new DeviceOrder();
  private volatile @Nullable Allocation recent;

  GlobalMemory(EmulatedMemory memory, List<OutputRegion> outputs) {
    this.memory = memory;
    this.outputs = outputs;
    this.launch = memory.nextLaunch();
    for (OutputRegion output : outputs) {
      long bytes = ((output.rows() - 1) * output.stride()) + output.rowBytes();
      if (!memory.contains(output.address(), bytes)) {
        throw new IllegalArgumentException(
            "Output '" + output.name() + "' does not lie in one allocation.");
      }
      Allocation allocation = memory.find(output.address());
      outputsByAllocation.computeIfAbsent(allocation, key -> new ArrayList<>()).add(output);
    }
  }

  /** What CTAs know of each other's atomics. */
  DeviceOrder order() {
    return order;
  }

  private Allocation locate(int lane, long address, int size, int alignment, String access) {
    if ((address & (alignment - 1)) != 0) {
      throw new Fault(
          lane, "misaligned: global " + access + " of " + alignment + " bytes at " + hex(address));
    }
    Allocation found = recent;
    if (found == null || !found.contains(address, size)) {
      found = memory.find(address);
      if (found == null || !found.contains(address, size)) {
        throw new Fault(
            lane,
            "out of bounds: global "
                + access
                + " of "
                + size
                + " bytes at "
                + hex(address)
                + near(address, found));
      }
      recent = found;
    }
    if (found.freed) {
      throw new Fault(
          lane,
          "use of freed memory: global " + access + " at " + hex(address) + near(address, found));
    }
    return found;
  }

  private String near(long address, @Nullable Allocation inside) {
    Allocation below = inside != null ? inside : memory.lastBelow(address);
    if (below == null) {
      return "";
    }
    return ", which is "
        + (address - below.base)
        + " bytes from the start of an allocation of "
        + below.size
        + " bytes";
  }

  void checkRead(int cta, int lane, long address, int size, int alignment) {
    Allocation allocation = locate(lane, address, size, alignment, "load");
    long end = address + size;
    for (long at = address & -4L; at < end; at += 4) {
      int bytes = byteMask(at, address, end);
      Allocation.Page page = allocation.page(at);
      int index = allocation.wordIndex(at);
      if (page == null || (page.initialised[index] & bytes) != bytes) {
        throw new Fault(
            lane, "uninitialised: global load at " + hex(address) + near(address, allocation));
      }
      AtomicIntegerArray writers = page.writers(launch);
      if (writers != null) {
        int record = writers.get(index);
        int owner = record >>> 4;
        if ((record & bytes) != 0 && owner != cta + 1 && owner < ATOMIC) {
          throw new Fault(
              lane,
              "race: global load at "
                  + hex(address)
                  + " of what CTA "
                  + (owner - 1)
                  + " has written in the same launch");
        }
      }
    }
  }

  private static int byteMask(long word, long start, long end) {
    int mask = 15;
    if (word < start) {
      mask &= 15 << (int) (start - word);
    }
    if (word + 4 > end) {
      mask &= 15 >> (int) (word + 4 - end);
    }
    return mask;
  }

  /** Loads up to four bytes, zero-extended; the access has been checked. */
  int load(int lane, long address, int size) {
    Allocation allocation = locate(lane, address, size, 1, "load");
    Allocation.Page page = allocation.page(address);
    int word = page == null ? 0 : page.words[allocation.wordIndex(address)];
    return size == 4 ? word : word >>> (int) (8 * (address & 3)) & ((1 << (8 * size)) - 1);
  }

  /** Checks a store of {@code size} bytes and records the CTA as their writer. */
  void beginStore(int cta, int lane, long address, int size) {
    Allocation allocation = locate(lane, address, size, size, "store");
    if (allocation.frozen) {
      throw new Fault(
          lane, "read-only: global store at " + hex(address) + near(address, allocation));
    }
    OutputRegion output = output(lane, allocation, address, size);
    long end = address + size;
    for (long at = address & -4L; at < end; at += 4) {
      AtomicIntegerArray writers = allocation.pageToWrite(at).writersToUpdate(launch);
      record(
          writers,
          allocation.wordIndex(at),
          byteMask(at, address, end),
          cta,
          lane,
          address,
          output);
    }
  }

  private void record(
      AtomicIntegerArray writers,
      int index,
      int bytes,
      int cta,
      int lane,
      long address,
      @Nullable OutputRegion output) {
    while (true) {
      int old = writers.get(index);
      int owner = old >>> 4;
      if ((old & bytes) != 0) {
        if (owner == ATOMIC && !order.over(cta, address)) {
          throw new Fault(
              lane, "race: global store at " + hex(address) + " of what atomics have updated");
        }
        if (output != null) {
          throw new Fault(
              lane,
              "double write: "
                  + place(output, address)
                  + " was already written"
                  + (owner == MIXED ? "" : " by CTA " + (owner - 1)));
        }
        if (owner != cta + 1 && owner < ATOMIC) {
          throw new Fault(
              lane,
              "race: global store at "
                  + hex(address)
                  + " of what CTA "
                  + (owner - 1)
                  + " has written in the same launch");
        }
      }
      boolean alone = old == 0 || owner == cta + 1 || owner == ATOMIC;
      int newOwner = alone ? cta + 1 : MIXED;
      if (writers.compareAndSet(index, old, newOwner << 4 | (old & 15) | bytes)) {
        return;
      }
    }
  }

  /** Stores up to four bytes that {@link #beginStore} has checked. */
  void store(int lane, long address, int size, int value) {
    Allocation allocation = locate(lane, address, size, 1, "store");
    int at = (int) (address & 3);
    int bytes = ((1 << size) - 1) << at;
    allocation.pageToWrite(address).store(allocation.wordIndex(address), value << (8 * at), bytes);
  }

  /** Changes a word atomically and returns what was there. */
  int atomic(int cta, int lane, long address, int operand, Atomic.Kind kind) {
    Allocation allocation = locate(lane, address, 4, 4, "atomic");
    if (allocation.frozen) {
      throw new Fault(
          lane, "read-only: global atomic at " + hex(address) + near(address, allocation));
    }
    output(lane, allocation, address, 4);
    Allocation.Page page = allocation.pageToWrite(address);
    int index = allocation.wordIndex(address);
    if (page.initialised[index] != 15) {
      throw new Fault(
          lane, "uninitialised: global atomic at " + hex(address) + near(address, allocation));
    }
    AtomicIntegerArray writers = page.writersToUpdate(launch);
    int old = writers.get(index);
    if ((old != 0 && old >>> 4 != ATOMIC)
        || (old == 0
            && !writers.compareAndSet(index, 0, ATOMIC << 4 | 15)
            && writers.get(index) >>> 4 != ATOMIC)) {
      throw new Fault(
          lane,
          "race: global atomic at " + hex(address) + " of what CTA " + cta + " or another stores");
    }
    synchronized (page) {
      int before = page.words[index];
      page.words[index] = kind.apply(before, operand);
      return before;
    }
  }

  /** The declared output that holds all these bytes; null if the allocation holds none at all. */
  private @Nullable OutputRegion output(int lane, Allocation allocation, long address, int size) {
    List<OutputRegion> regions = outputsByAllocation.get(allocation);
    if (regions == null) {
      return null;
    }
    for (OutputRegion region : regions) {
      long offset = address - region.address();
      if (offset >= 0
          && offset / region.stride() < region.rows()
          && offset % region.stride() + size <= region.rowBytes()) {
        return region;
      }
    }
    throw new Fault(
        lane,
        "store outside the outputs: "
            + hex(address)
            + near(address, allocation)
            + " lies beside output '"
            + regions.getFirst().name()
            + "'");
  }

  private static String place(OutputRegion output, long address) {
    long offset = address - output.address();
    return "output '"
        + output.name()
        + "', row "
        + (offset / output.stride())
        + ", byte "
        + (offset % output.stride());
  }

  /** Every byte of the outputs must have been written. */
  void checkOutputs() {
    for (OutputRegion output : outputs) {
      long missing = 0;
      long first = 0;
      for (long row = 0; row < output.rows(); row++) {
        long start = output.address() + (row * output.stride());
        for (long at = start; at < start + output.rowBytes(); at++) {
          if (!written(at)) {
            first = missing == 0 ? at : first;
            missing++;
          }
        }
      }
      if (missing > 0) {
        throw new EmulationException(
            "missing write: "
                + place(output, first)
                + " was never written; "
                + missing
                + " bytes of the output are missing");
      }
    }
  }

  private boolean written(long address) {
    Allocation allocation = locate(-1, address, 1, 1, "load");
    Allocation.Page page = allocation.page(address);
    AtomicIntegerArray writers = page == null ? null : page.writers(launch);
    return writers != null
        && (writers.get(allocation.wordIndex(address)) >>> (int) (address & 3) & 1) != 0;
  }

  private static String hex(long address) {
    return EmulatedMemory.hex(address);
  }
}
