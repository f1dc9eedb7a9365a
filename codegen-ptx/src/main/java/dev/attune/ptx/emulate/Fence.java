package dev.attune.ptx.emulate;

/** The fences that the checks know of. */
final class Fence extends Instruction {
  /** What a fence orders. */
  enum Kind {
    /** Accesses of the generic proxy before those of the asynchronous one, and barriers. */
    PROXY,
    /** Initialisations of memory barriers before their use. */
    BARRIER_INIT,
    /** Accesses of global memory, for all of the device. */
    DEVICE
  }

  private final Kind kind;

  Fence(Header header, Kind kind) {
    super(header);
    this.kind = kind;
  }

  @Override
  void execute(Warp warp, int mask) {
    switch (kind) {
      case PROXY -> {
        warp.cta.mbarriers().fence(warp, mask);
        warp.cta.knowledge().fence(warp.index, mask);
      }
      case BARRIER_INIT -> warp.cta.mbarriers().fence(warp, mask);
      case DEVICE -> warp.cta.launch().global().order().fence(warp.cta.number());
    }
  }
}
