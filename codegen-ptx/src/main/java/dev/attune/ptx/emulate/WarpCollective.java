package dev.attune.ptx.emulate;

/** Instructions by which the lanes of a warp exchange values. */
final class WarpCollective {
  private WarpCollective() {}

  /**
   * The lanes named in a member mask, if all of them are here and every lane that executes is
   * named; zero if the group has to wait for the others.
   */
  private static int members(Warp warp, int mask, int memberMask, String what) {
    int first = Integer.numberOfTrailingZeros(mask);
    int members = warp.ints[memberMask + first];
    for (int left = mask; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      if (warp.ints[memberMask + lane] != members) {
        throw new Fault(lane, what + ": lanes give different member masks");
      }
    }
    if ((mask & ~members) != 0) {
      throw new Fault(
          Integer.numberOfTrailingZeros(mask & ~members),
          what + ": the lane executes but is not in the member mask");
    }
    int absent = members & warp.active() & ~mask;
    if (absent != 0) {
      throw new Fault(
          Integer.numberOfTrailingZeros(absent),
          what + ": divergent: the guard switches off a lane of the member mask");
    }
    return warp.gathered(members, what) ? members : 0;
  }

  /** {@code shfl.sync}. */
  static final class Shuffle extends Instruction {
    enum Exchange {
      UP,
      DOWN,
      BFLY,
      IDX
    }

    private final Exchange mode;
    private final int d;
    private final int inRange;
    private final int a;
    private final int b;
    private final int c;
    private final int memberMask;

    /** {@code inRange} is the slot of the predicate destination, negative if there is none. */
    Shuffle(Header header, Exchange mode, int d, int inRange, int a, int b, int c, int memberMask) {
      super(header);
      this.mode = mode;
      this.d = d;
      this.inRange = inRange;
      this.a = a;
      this.b = b;
      this.c = c;
      this.memberMask = memberMask;
    }

    @Override
    void execute(Warp warp, int mask) {
      int members = members(warp, mask, memberMask, "shfl.sync");
      if (members == 0) {
        return;
      }
      int[] r = warp.ints;
      int valid = 0;
      for (int lane = 0; lane < 32; lane++) {
        int by = r[b + lane] & 31;
        int clamp = r[c + lane] & 31;
        int segment = r[c + lane] >> 8 & 31;
        int least = lane & segment;
        int most = least | (clamp & ~segment);
        int from =
            switch (mode) {
              case UP -> lane - by;
              case DOWN -> lane + by;
              case BFLY -> lane ^ by;
              case IDX -> least | (by & ~segment);
            };
        boolean inside = mode == Exchange.UP ? from >= most : from <= most;
        if (!inside) {
          from = lane;
        } else {
          valid |= 1 << lane;
        }
        if ((mask >>> lane & 1) != 0 && (members >>> from & 1) == 0) {
          throw new Fault(
              lane, "shfl.sync: the lane reads lane " + from + ", which is not in the member mask");
        }
        r[lane] = r[a + from];
      }
      blend(r, 0, d, mask);
      if (inRange >= 0) {
        warp.setPredicate(inRange, mask, valid);
      }
    }
  }

  /** {@code vote.sync}, and {@code activemask} without a member mask. */
  static final class Vote extends Instruction {
    enum Question {
      ALL,
      ANY,
      UNI,
      BALLOT
    }

    private final Question mode;
    private final int d;
    private final int predicate;
    private final int memberMask;

    /** {@code d} is a predicate slot, or a register offset for a ballot. */
    Vote(Header header, Question mode, int d, int predicate, int memberMask) {
      super(header);
      this.mode = mode;
      this.d = d;
      this.predicate = predicate;
      this.memberMask = memberMask;
    }

    @Override
    void execute(Warp warp, int mask) {
      int members = members(warp, mask, memberMask, "vote.sync");
      if (members == 0) {
        return;
      }
      int votes = warp.predicate(predicate) & members;
      switch (mode) {
        case ALL -> warp.setPredicate(d, mask, votes == members ? -1 : 0);
        case ANY -> warp.setPredicate(d, mask, votes != 0 ? -1 : 0);
        case UNI -> warp.setPredicate(d, mask, votes == members || votes == 0 ? -1 : 0);
        case BALLOT -> {
          for (int left = mask; left != 0; left &= left - 1) {
            warp.ints[d + Integer.numberOfTrailingZeros(left)] = votes;
          }
        }
      }
    }
  }

  /** {@code redux.sync}. */
  static final class Reduce extends Instruction {
    enum Kind {
      ADD,
      MIN_S,
      MIN_U,
      MAX_S,
      MAX_U,
      AND,
      OR,
      XOR
    }

    private final Kind kind;
    private final int d;
    private final int a;
    private final int memberMask;

    Reduce(Header header, Kind kind, int d, int a, int memberMask) {
      super(header);
      this.kind = kind;
      this.d = d;
      this.a = a;
      this.memberMask = memberMask;
    }

    @Override
    void execute(Warp warp, int mask) {
      int members = members(warp, mask, memberMask, "redux.sync");
      if (members == 0) {
        return;
      }
      int first = Integer.numberOfTrailingZeros(members);
      int result = warp.ints[a + first];
      for (int left = members & (members - 1); left != 0; left &= left - 1) {
        result = combine(result, warp.ints[a + Integer.numberOfTrailingZeros(left)]);
      }
      for (int left = mask; left != 0; left &= left - 1) {
        warp.ints[d + Integer.numberOfTrailingZeros(left)] = result;
      }
    }

    private int combine(int x, int y) {
      return switch (kind) {
        case ADD -> x + y;
        case MIN_S -> Math.min(x, y);
        case MAX_S -> Math.max(x, y);
        case MIN_U -> Integer.compareUnsigned(x, y) < 0 ? x : y;
        case MAX_U -> Integer.compareUnsigned(x, y) > 0 ? x : y;
        case AND -> x & y;
        case OR -> x | y;
        case XOR -> x ^ y;
      };
    }
  }

  /** {@code bar.warp.sync}: orders the memory accesses of the lanes, if it names all that live. */
  static final class Barrier extends Instruction {
    private final int memberMask;

    Barrier(Header header, int memberMask) {
      super(header);
      this.memberMask = memberMask;
    }

    @Override
    void execute(Warp warp, int mask) {
      int members = members(warp, mask, memberMask, "bar.warp.sync");
      if (members != 0 && (warp.live() & ~members) == 0) {
        warp.cta.knowledge().synchronise(warp.index);
      }
    }
  }

  /** {@code elect.sync}: one lane of the members, always the same one of the same members. */
  static final class Elect extends Instruction {
    private final int d;
    private final int elected;
    private final int memberMask;

    /**
     * {@code d} is negative without a register for the elected lane; {@code elected} a predicate.
     */
    Elect(Header header, int d, int elected, int memberMask) {
      super(header);
      this.d = d;
      this.elected = elected;
      this.memberMask = memberMask;
    }

    @Override
    void execute(Warp warp, int mask) {
      int members = members(warp, mask, memberMask, "elect.sync");
      if (members == 0) {
        return;
      }
      int above = members & -1 << warp.cta.leader();
      int leader = Integer.numberOfTrailingZeros(above == 0 ? members : above);
      if (d >= 0) {
        for (int left = mask; left != 0; left &= left - 1) {
          warp.ints[d + Integer.numberOfTrailingZeros(left)] = leader;
        }
      }
      warp.setPredicate(elected, mask, 1 << leader);
    }
  }

  /** {@code activemask}. */
  static final class ActiveMask extends Instruction {
    private final int d;

    ActiveMask(Header header, int d) {
      super(header);
      this.d = d;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int left = mask; left != 0; left &= left - 1) {
        warp.ints[d + Integer.numberOfTrailingZeros(left)] = mask;
      }
    }
  }
}
