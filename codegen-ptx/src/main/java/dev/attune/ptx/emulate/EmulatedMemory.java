package dev.attune.ptx.emulate;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Global memory: separate allocations at 64-bit addresses with unmapped gaps between them. Every
 * byte knows whether it was ever written; kernels may read only those that were. Memory takes host
 * space only where it is written, so that an allocation can span many gigabytes. Addresses are
 * never given out twice, and use of freed memory is reported as such.
 *
 * <p>Launches on one memory exclude each other; the methods for the host must not run during one.
 */
public final class EmulatedMemory {
  private static final long FIRST = 0x7F00_0000_0000L;
  private static final long GAP = 1L << 16;
  private static final long LARGEST = 1L << 38;
  private static final int DEFAULT_ALIGNMENT = 256;

  private final List<Allocation> allocations = new ArrayList<>();
  private long next = FIRST;
  private long launches;

  /** Creates a memory without allocations. */
  public EmulatedMemory() {}

  /** Allocates uninitialised bytes, aligned to 256. Returns the address. */
  public long allocate(long bytes) {
    return allocate(bytes, DEFAULT_ALIGNMENT);
  }

  /** Allocates uninitialised bytes at a multiple of a power of two. Returns the address. */
  public synchronized long allocate(long bytes, int alignment) {
    if (Integer.bitCount(alignment) != 1) {
      throw new IllegalArgumentException(
          "An alignment must be a power of two, found " + alignment + ".");
    }
    long address = Math.ceilDiv(next, alignment) * alignment;
    checkSize(bytes);
    while (true) {
      Allocation blocking = overlapping(address - GAP, bytes + (2 * GAP));
      if (blocking == null) {
        break;
      }
      address = Math.ceilDiv(blocking.base + blocking.size + GAP, alignment) * alignment;
    }
    next = address + bytes + GAP;
    allocations.add(new Allocation(address, bytes));
    return address;
  }

  /**
   * Allocates uninitialised bytes at a chosen address, which may have any alignment.
   *
   * @throws IllegalArgumentException if that overlaps an allocation, freed ones included
   */
  public synchronized long allocateAt(long address, long bytes) {
    checkSize(bytes);
    if (address <= 0 || address > Long.MAX_VALUE - bytes) {
      throw new IllegalArgumentException(
          "An allocation must lie at positive addresses, found " + hex(address) + ".");
    }
    Allocation other = overlapping(address, bytes);
    if (other != null) {
      throw new IllegalArgumentException(
          "An allocation at "
              + hex(address)
              + " would overlap "
              + other.size
              + " bytes at "
              + hex(other.base)
              + ".");
    }
    allocations.add(new Allocation(address, bytes));
    return address;
  }

  private static void checkSize(long bytes) {
    if (bytes < 1 || bytes > LARGEST) {
      throw new IllegalArgumentException(
          "An allocation has between 1 and 2^38 bytes, found " + bytes + ".");
    }
  }

  private @Nullable Allocation overlapping(long address, long bytes) {
    for (Allocation allocation : allocations) {
      if (address < allocation.base + allocation.size && allocation.base < address + bytes) {
        return allocation;
      }
    }
    return null;
  }

  /** Frees the allocation that begins at an address; later accesses to it are errors. */
  public synchronized void free(long address) {
    beginningAt(address).freed = true;
  }

  /** Makes the allocation that begins at an address read-only for kernels. */
  public synchronized void freeze(long address) {
    beginningAt(address).frozen = true;
  }

  /** Undoes {@link #freeze}. */
  public synchronized void thaw(long address) {
    beginningAt(address).frozen = false;
  }

  private Allocation beginningAt(long address) {
    Allocation allocation = find(address);
    if (allocation == null || allocation.base != address || allocation.freed) {
      throw new IllegalArgumentException("No allocation begins at " + hex(address) + ".");
    }
    return allocation;
  }

  /** Whether all these bytes lie in one allocation that is not freed. */
  public synchronized boolean contains(long address, long bytes) {
    Allocation allocation = find(address);
    return allocation != null && !allocation.freed && allocation.contains(address, bytes);
  }

  /** First address of the allocation that holds an address. */
  public synchronized long base(long address) {
    return holding(address, 1).base;
  }

  /** Bytes of the allocation that holds an address. */
  public synchronized long size(long address) {
    return holding(address, 1).size;
  }

  /** The allocation that holds an address, freed ones included, or null. */
  @Nullable Allocation find(long address) {
    for (Allocation allocation : allocations) {
      if (allocation.contains(address, 1)) {
        return allocation;
      }
    }
    return null;
  }

  /** The allocation that begins last at or below an address, or null. */
  @Nullable Allocation lastBelow(long address) {
    Allocation best = null;
    for (Allocation allocation : allocations) {
      if (allocation.base <= address && (best == null || allocation.base > best.base)) {
        best = allocation;
      }
    }
    return best;
  }

  private Allocation holding(long address, long bytes) {
    Allocation allocation = find(address);
    if (allocation == null || allocation.freed || !allocation.contains(address, bytes)) {
      throw new IllegalArgumentException(
          bytes + " bytes at " + hex(address) + " do not lie in one allocation.");
    }
    return allocation;
  }

  /** Copies bytes in. */
  public void write(long address, byte[] source) {
    write(address, ByteBuffer.wrap(source));
  }

  /** Copies the remaining bytes of a buffer in, which is left as it was. */
  public void write(long address, ByteBuffer source) {
    ByteBuffer bytes = source.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    if (!bytes.hasRemaining()) {
      return;
    }
    Allocation allocation = holding(address, bytes.remaining());
    long at = address;
    while (bytes.hasRemaining()) {
      Allocation.Page page = allocation.pageToWrite(at);
      int index = allocation.wordIndex(at);
      if ((at & 3) == 0 && bytes.remaining() >= 4) {
        page.store(index, bytes.getInt(), 15);
        at += 4;
      } else {
        int lane = (int) (at & 3);
        page.store(index, (bytes.get() & 0xFF) << (8 * lane), 1 << lane);
        at++;
      }
    }
  }

  /** Copies a segment in. */
  public void write(long address, MemorySegment source) {
    write(address, source.asByteBuffer());
  }

  /** Fills bytes with one value. */
  public void fill(long address, long bytes, byte value) {
    byte[] block = new byte[(int) Math.min(bytes, Allocation.PAGE_BYTES)];
    java.util.Arrays.fill(block, value);
    for (long done = 0; done < bytes; done += block.length) {
      write(address + done, ByteBuffer.wrap(block, 0, (int) Math.min(block.length, bytes - done)));
    }
  }

  /** Copies bytes out; bytes never written read as 0xFF. */
  public void read(long address, byte[] destination) {
    read(address, ByteBuffer.wrap(destination));
  }

  /** Fills the remaining part of a buffer; bytes never written read as 0xFF. */
  public void read(long address, ByteBuffer destination) {
    if (!destination.hasRemaining()) {
      return;
    }
    Allocation allocation = holding(address, destination.remaining());
    long at = address;
    while (destination.hasRemaining()) {
      Allocation.Page page = allocation.page(at);
      int index = allocation.wordIndex(at);
      int initialised = page == null ? 0 : page.initialised[index];
      int word = page == null ? -1 : page.words[index] | ~Allocation.Page.bitMask(initialised);
      do {
        destination.put((byte) (word >>> (8 * (at & 3))));
        at++;
      } while ((at & 3) != 0 && destination.hasRemaining());
    }
  }

  /** Fills a segment; bytes never written read as 0xFF. */
  public void read(long address, MemorySegment destination) {
    read(address, destination.asByteBuffer());
  }

  /** A number for the next launch. */
  long nextLaunch() {
    return ++launches;
  }

  static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
