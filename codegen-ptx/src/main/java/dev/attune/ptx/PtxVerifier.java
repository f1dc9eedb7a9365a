package dev.attune.ptx;

import java.util.List;

/**
 * What must hold of a kernel beyond its single instructions:
 *
 * <ul>
 *   <li>shared memory stays within the target's limit, threads within 1024 and a multiple of 32;
 *       names are valid identifiers, parameters distinct; instructions are of the target;
 *   <li>labels are defined once, jumps go to defined labels, and every path ends in {@code ret};
 *   <li>on every path a register is written before it is read; a guarded write counts only for
 *       readers under the same guard;
 *   <li>what is for whole warps or warpgroups (barriers, shuffles, matrix instructions, fences,
 *       commits and waits of wgmma, {@code setmaxnreg}) is neither guarded nor reached by some of
 *       their threads only;
 *   <li>there are 16 barriers, each of one number of threads, and as many come to it;
 *   <li>every path from a {@code cp.async} or a TMA store to {@code ret} passes a commit and then a
 *       wait for all groups; matrices are stored to shared memory only when no TMA store may be
 *       reading it;
 *   <li>the order of fence, wgmma, commit and wait, and registers in flight are left alone;
 *   <li>a proxy fence stands between ordinary stores to shared memory and the TMA stores and wgmmas
 *       after them;
 *   <li>mbarriers are initialised, fenced and shown to the CTA before they are used, and expect the
 *       bytes that their loads bring;
 *   <li>where warpgroups have different roles each sets its registers, and the CTA has as many.
 * </ul>
 *
 * <p>Paths that a thread's number rules out are not followed: code of one warp, or of one elected
 * lane, is checked as that warp or lane executes it.
 */
public final class PtxVerifier {
  private PtxVerifier() {}

  /**
   * Checks a kernel.
   *
   * @throws InvalidPtxException naming the instruction and the rule it breaks
   */
  public static void verify(PtxKernel kernel) {
    Limits.check(kernel);
    Flow flow = new Flow(kernel);
    Limits.check(flow);
    List<View> views = View.all(flow);
    List<View> distinct = View.distinct(views);
    Uniformity.check(flow, views);
    NamedBarriers.check(flow, views);
    WgmmaProtocol wgmma = new WgmmaProtocol(flow);
    Transactions transactions = new Transactions(flow);
    for (View view : distinct) {
      Analysis.run(view, new Definitions(flow));
      Analysis.run(view, new AsyncCopies());
      Analysis.run(view, transactions);
      if (wgmma.applies()) {
        Analysis.run(view, wgmma);
      }
    }
    ProxyFences.check(distinct);
    Mbarriers.check(flow, views);
    RegisterPool.check(flow, views);
  }
}
