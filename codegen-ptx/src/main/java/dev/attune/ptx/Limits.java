package dev.attune.ptx;

import dev.attune.compiler.schedule.Target;
import java.util.HashSet;
import java.util.Set;

/** What a kernel may ask of its target, and names that PTX takes. */
final class Limits {
  private Limits() {}

  static void check(PtxKernel kernel) {
    if (kernel.sharedBytes() > kernel.target().sharedBytesPerBlock()) {
      throw new InvalidPtxException(
          "%s needs %d bytes of shared memory; a CTA of %s has %d"
              .formatted(
                  kernel.entry(),
                  kernel.sharedBytes(),
                  kernel.target().ptxName(),
                  kernel.target().sharedBytesPerBlock()));
    }
    if (kernel.threads() < 32 || kernel.threads() > 1024 || kernel.threads() % 32 != 0) {
      throw new InvalidPtxException(kernel.threads() + " threads are not 1 to 32 whole warps");
    }
    Set<String> names = new HashSet<>(Set.of(kernel.entry()));
    kernel
        .parameters()
        .forEach(
            p -> {
              if (!names.add(PtxPrinter.name(p))) {
                throw new InvalidPtxException("two parameters are named " + p.name());
              }
            });
    for (String name : names) {
      if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new InvalidPtxException("not a PTX identifier: " + name);
      }
    }
  }

  /** Instructions of the target, and warpgroups where they are needed. */
  static void check(Flow flow) {
    PtxKernel kernel = flow.kernel();
    for (int i = 0; i < flow.size(); i++) {
      Inst inst = flow.plain(i);
      if (kernel.target() != Target.SM_90A && ofHopper(inst)) {
        throw flow.fail(
            i,
            "only %s has it, not %s".formatted(Target.SM_90A.ptxName(), kernel.target().ptxName()));
      }
      if (inst instanceof Inst.Wgmma && kernel.threads() % 128 != 0) {
        throw flow.fail(i, kernel.threads() + " threads are not whole warpgroups");
      }
    }
  }

  private static boolean ofHopper(Inst inst) {
    return switch (inst) {
      case Inst.MbarrierInit i -> true;
      case Inst.MbarrierArrive i -> true;
      case Inst.MbarrierExpect i -> true;
      case Inst.MbarrierTryWait i -> true;
      case Inst.FenceMbarrierInit i -> true;
      case Inst.FenceProxyAsync i -> true;
      case Inst.TensorMapAddress i -> true;
      case Inst.PrefetchTensorMap i -> true;
      case Inst.TmaLoad i -> true;
      case Inst.TmaStore i -> true;
      case Inst.TmaStoreCommit i -> true;
      case Inst.TmaStoreWait i -> true;
      case Inst.Wgmma i -> true;
      case Inst.WgmmaFence i -> true;
      case Inst.WgmmaCommit i -> true;
      case Inst.WgmmaWait i -> true;
      case Inst.SetMaxRegisters i -> true;
      case Inst.Elect i -> true;
      case Inst.StMatrix i -> true;
      default -> false;
    };
  }
}
