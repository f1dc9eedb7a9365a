package dev.attune.ptx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.assemble.Assembler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** NVIDIA's assembler takes the text of every instruction. */
class InstructionTextTest {

  private static PtxKernel kernel(Target target, List<Inst> samples) {
    List<Inst> body = new ArrayList<>(InstructionSamples.definitions());
    body.addAll(samples);
    body.add(new Inst.Ret());
    return new PtxKernel(
        "samples", target, InstructionSamples.PARAMETERS, 384, 1, 65536, List.of(), body);
  }

  @Test
  void noInstructionIsLeftOut() {
    Set<Class<?>> known =
        Arrays.stream(Inst.class.getPermittedSubclasses()).collect(Collectors.toSet());
    Set<Class<?>> sampled =
        Stream.concat(InstructionSamples.common().stream(), InstructionSamples.hopper().stream())
            .map(Inst::getClass)
            .collect(Collectors.toSet());
    known.remove(Inst.Ret.class); // Ends every kernel.
    assertEquals(known, sampled);
  }

  @Test
  void theAssemblerTakesWhatEveryTargetHas() {
    for (Target target : List.of(Target.SM_80, Target.SM_90A)) {
      String ptx = PtxPrinter.print(kernel(target, InstructionSamples.common()));
      assertFalse(Assembler.assemble(ptx, target).entries().isEmpty());
    }
  }

  @Test
  void theAssemblerTakesWhatHopperHas() {
    String ptx = PtxPrinter.print(kernel(Target.SM_90A, InstructionSamples.hopper()));
    assertFalse(Assembler.assemble(ptx, Target.SM_90A).entries().isEmpty());
  }
}
