package dev.attune.runtime.vectors;

import dev.attune.ptx.Inst;
import dev.attune.ptx.PtxPrinter;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Instructions without their registers: what a case is about, rather than the code around it. */
final class Forms {
  private Forms() {}

  /** The forms in some code, in order. */
  static Stream<String> of(List<Inst> body) {
    return body.stream()
        .map(inst -> inst instanceof Inst.Guarded guarded ? guarded.inst() : inst)
        .flatMap(inst -> of(inst).stream());
  }

  /**
   * The form of an instruction; empty for plain integer arithmetic, memory accesses and control.
   */
  private static Optional<String> of(Inst inst) {
    return switch (inst) {
      case Inst.Wgmma w ->
          Optional.of(
              "%s %s%s%s"
                  .formatted(
                      mnemonic(w),
                      w.a().getClass().getSimpleName(),
                      w.accumulate() ? " accumulate" : "",
                      w.transposeB() ? " transposed" : ""));
      case Inst.Mma i -> Optional.of(mnemonic(i));
      case Inst.LdMatrix i -> Optional.of(mnemonic(i));
      case Inst.StMatrix i -> Optional.of(mnemonic(i));
      case Inst.TmaLoad i -> Optional.of(mnemonic(i));
      case Inst.TmaStore i -> Optional.of(mnemonic(i));
      case Inst.CpAsync i -> Optional.of(mnemonic(i));
      case Inst.FloatUn i -> Optional.of(mnemonic(i));
      case Inst.FloatArith i -> Optional.of(mnemonic(i));
      case Inst.Fma i -> Optional.of(mnemonic(i));
      case Inst.Pack i -> Optional.of(mnemonic(i));
      case Inst.Convert i -> Optional.of(mnemonic(i));
      case Inst.ShflBfly i -> Optional.of(mnemonic(i));
      case Inst.ShflIdx i -> Optional.of(mnemonic(i));
      case Inst.VoteAny i -> Optional.of(mnemonic(i));
      case Inst.VoteBallot i -> Optional.of(mnemonic(i));
      default -> Optional.empty();
    };
  }

  private static String mnemonic(Inst inst) {
    String text = PtxPrinter.print(inst);
    return text.substring(0, text.indexOf(' '));
  }
}
