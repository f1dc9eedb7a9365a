package dev.attune.ptx.emulate;

/** {@code wgmma.fence}, {@code wgmma.commit_group} and {@code wgmma.wait_group}. */
final class WarpgroupSync extends Instruction {
  enum Kind {
    FENCE,
    COMMIT,
    WAIT
  }

  private final Kind kind;
  private final int groups;

  /** {@code groups} may stay pending after a wait. */
  WarpgroupSync(Header header, Kind kind, int groups) {
    super(header);
    this.kind = kind;
    this.groups = groups;
  }

  @Override
  boolean convergent() {
    return true;
  }

  @Override
  boolean ofWarpgroup() {
    return true;
  }

  @Override
  void execute(Warp warp, int mask) {
    if (!warp.gathered(-1, "wgmma")) {
      return;
    }
    switch (kind) {
      case FENCE -> warp.flight.fence();
      case COMMIT -> warp.flight.commit();
      case WAIT -> {
        int last = warp.flight.boundary(groups);
        Warpgroup group = warp.cta.warpgroup(warp);
        if (group.issuedByAll(last)) {
          group.await(warp, last);
        } else {
          warp.hold(last);
        }
      }
    }
  }
}
