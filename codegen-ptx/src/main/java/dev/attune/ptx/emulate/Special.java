package dev.attune.ptx.emulate;

/** A register filled before a warp starts: a special register, or an address known at launch. */
record Special(Kind kind, int offset) {
  enum Kind {
    TID_X("%tid.x"),
    TID_Y("%tid.y"),
    TID_Z("%tid.z"),
    NTID_X("%ntid.x"),
    NTID_Y("%ntid.y"),
    NTID_Z("%ntid.z"),
    CTAID_X("%ctaid.x"),
    CTAID_Y("%ctaid.y"),
    CTAID_Z("%ctaid.z"),
    NCTAID_X("%nctaid.x"),
    NCTAID_Y("%nctaid.y"),
    NCTAID_Z("%nctaid.z"),
    LANEID("%laneid"),
    WARPID("%warpid"),
    NWARPID("%nwarpid"),
    LANEMASK_EQ("%lanemask_eq"),
    LANEMASK_LT("%lanemask_lt"),
    LANEMASK_LE("%lanemask_le"),
    LANEMASK_GT("%lanemask_gt"),
    LANEMASK_GE("%lanemask_ge"),
    /** First byte of the dynamic shared array; the offset is added. */
    DYNAMIC_SHARED("");

    final String text;

    Kind(String text) {
      this.text = text;
    }
  }

  /** The value for one thread of a CTA. */
  int value(Cta cta, int warp, int lane) {
    Dim3 block = cta.launch().config().block();
    Dim3 grid = cta.launch().config().grid();
    int thread = (warp * 32) + lane;
    return switch (kind) {
      case TID_X -> thread % block.x();
      case TID_Y -> thread / block.x() % block.y();
      case TID_Z -> thread / (block.x() * block.y());
      case NTID_X -> block.x();
      case NTID_Y -> block.y();
      case NTID_Z -> block.z();
      case CTAID_X -> cta.x();
      case CTAID_Y -> cta.y();
      case CTAID_Z -> cta.z();
      case NCTAID_X -> grid.x();
      case NCTAID_Y -> grid.y();
      case NCTAID_Z -> grid.z();
      case LANEID -> lane;
      case WARPID -> warp;
      case NWARPID -> cta.warpCount();
      case LANEMASK_EQ -> 1 << lane;
      case LANEMASK_LT -> (1 << lane) - 1;
      case LANEMASK_LE -> (2 << lane) - 1;
      case LANEMASK_GT -> -(2 << lane);
      case LANEMASK_GE -> -(1 << lane);
      case DYNAMIC_SHARED -> cta.launch().dynamicSharedBase() + offset;
    };
  }
}
