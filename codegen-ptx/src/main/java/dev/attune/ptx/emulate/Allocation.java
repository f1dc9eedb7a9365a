package dev.attune.ptx.emulate;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** One range of global memory. Its pages come into being when they are written. */
final class Allocation {
  private static final int PAGE_SHIFT = 16;
  static final int PAGE_BYTES = 1 << PAGE_SHIFT;

  final long base;
  final long size;

  /** Address of the first page; words lie at multiples of four whatever the base is. */
  private final long origin;

  private final AtomicReferenceArray<@Nullable Page> pages;
  volatile boolean frozen;
  volatile boolean freed;

  Allocation(long base, long size) {
    this.base = base;
    this.size = size;
    this.origin = base & -256L;
    long count = (base + size - origin + PAGE_BYTES - 1) >>> PAGE_SHIFT;
    this.pages = new AtomicReferenceArray<>(Math.toIntExact(count));
  }

  boolean contains(long address, long bytes) {
    return address >= base && bytes <= size && address - base <= size - bytes;
  }

  @Nullable Page page(long address) {
    return pages.get((int) ((address - origin) >>> PAGE_SHIFT));
  }

  Page pageToWrite(long address) {
    int index = (int) ((address - origin) >>> PAGE_SHIFT);
    Page page = pages.get(index);
    if (page == null) {
      Page fresh = new Page();
      page = pages.compareAndSet(index, null, fresh) ? fresh : pageToWrite(address);
    }
    return page;
  }

  /** Index of the word that holds an address, in its page. */
  int wordIndex(long address) {
    return (int) (address - origin) >> 2 & ((PAGE_BYTES >> 2) - 1);
  }

  /** The records of one launch. */
  private record Writers(long launch, AtomicIntegerArray records) {}

  /** Contents of a page: words, which of their bytes are initialised, who wrote them. */
  static final class Page {
    final int[] words = new int[PAGE_BYTES >> 2];
    final byte[] initialised = new byte[PAGE_BYTES >> 2];
    private volatile @Nullable Writers writers;

    /** The writers of each word in a launch, or null if the launch has written nothing here. */
    @Nullable AtomicIntegerArray writers(long inLaunch) {
      Writers found = writers;
      return found != null && found.launch == inLaunch ? found.records : null;
    }

    AtomicIntegerArray writersToUpdate(long inLaunch) {
      AtomicIntegerArray found = writers(inLaunch);
      return found != null ? found : freshWriters(inLaunch);
    }

    private synchronized AtomicIntegerArray freshWriters(long inLaunch) {
      AtomicIntegerArray found = writers(inLaunch);
      if (found == null) {
        found = new AtomicIntegerArray(PAGE_BYTES >> 2);
        writers = new Writers(inLaunch, found);
      }
      return found;
    }

    /** Stores the bytes of a word that {@code byteMask} names. */
    void store(int index, int value, int byteMask) {
      if (byteMask == 15) {
        words[index] = value;
        initialised[index] = 15;
      } else {
        synchronized (this) {
          int bits = bitMask(byteMask);
          words[index] = (words[index] & ~bits) | (value & bits);
          initialised[index] = (byte) (initialised[index] | byteMask);
        }
      }
    }

    static int bitMask(int byteMask) {
      int bits = 0;
      for (int i = 0; i < 4; i++) {
        bits |= (((byteMask >>> i) & 1) * 0xFF) << (8 * i);
      }
      return bits;
    }
  }
}
