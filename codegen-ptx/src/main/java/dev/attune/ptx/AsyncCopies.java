package dev.attune.ptx;

/**
 * Every path from a {@code cp.async} or a TMA store to {@code ret} passes a commit and then a wait
 * for all groups, and no matrices are stored to shared memory while a TMA store may be reading it.
 *
 * <p>A state is a set of bits, of what may be under way.
 */
final class AsyncCopies implements Analysis<Integer> {
  private static final int COPY = 1;
  private static final int COPY_GROUP = 2;
  private static final int STORE = 4;
  private static final int STORE_GROUP = 8;

  @Override
  public Integer start() {
    return 0;
  }

  @Override
  public Integer through(View view, Flow.Block block, Integer state) {
    Flow flow = view.flow();
    int bits = state;
    for (int i = block.from(); i < block.to(); i++) {
      if (view.executes(i) == View.Executes.NEVER) {
        continue;
      }
      bits =
          switch (flow.plain(i)) {
            case Inst.CpAsync c -> bits | COPY;
            case Inst.CpAsyncCommit c -> moved(bits, COPY, COPY_GROUP);
            case Inst.CpAsyncWait w -> w.pending() == 0 ? bits & ~COPY_GROUP : bits;
            case Inst.TmaStore s -> bits | STORE;
            case Inst.TmaStoreCommit c -> moved(bits, STORE, STORE_GROUP);
            case Inst.TmaStoreWait w -> w.pending() == 0 ? bits & ~STORE_GROUP : bits;
            case Inst.StMatrix s -> {
              if ((bits & (STORE | STORE_GROUP)) != 0) {
                throw flow.fail(i, "a TMA store may still be reading shared memory");
              }
              yield bits;
            }
            case Inst.Ret r -> {
              if ((bits & (COPY | COPY_GROUP)) != 0) {
                throw flow.fail(i, "a path leaves the kernel with cp.async copies not waited for");
              }
              if (bits != 0) {
                throw flow.fail(i, "a path leaves the kernel with TMA stores not waited for");
              }
              yield bits;
            }
            default -> bits;
          };
    }
    return bits;
  }

  private static int moved(int bits, int from, int to) {
    return (bits & from) != 0 ? (bits & ~from) | to : bits;
  }

  @Override
  public Integer join(View view, Flow.Block block, Integer a, Integer b) {
    return a | b;
  }
}
