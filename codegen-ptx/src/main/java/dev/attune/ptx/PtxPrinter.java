package dev.attune.ptx;

import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.artifact.Parameter;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** PTX text of a kernel: the one place where instructions become characters. */
public final class PtxPrinter {
  private static final String SHARED = "smem";

  private PtxPrinter() {}

  /** The module that holds the kernel: ISA 8.0, 64-bit addresses, ending in a newline. */
  public static String print(PtxKernel kernel) {
    StringBuilder out = new StringBuilder();
    out.append(".version 8.0\n.target ").append(kernel.target().ptxName());
    out.append("\n.address_size 64\n\n");
    kernel.header().forEach(line -> out.append("// ").append(comment(line)).append('\n'));
    if (kernel.sharedBytes() > 0) {
      out.append(".extern .shared .align 128 .b8 ").append(SHARED).append("[];\n\n");
    }
    out.append(".visible .entry ").append(kernel.entry()).append("(\n");
    out.append(
        kernel.parameters().stream()
            .map(p -> "    .param .%s %s".formatted(p.type().ptx(), name(p)))
            .collect(Collectors.joining(",\n")));
    out.append("\n)\n.reqntid ").append(kernel.threads()).append(", 1, 1\n");
    out.append(".minnctapersm ").append(kernel.minBlocksPerSm()).append("\n{\n");
    registers(kernel.body())
        .forEach(
            (kind, count) ->
                out.append("    .reg .%s %%%s<%d>;\n".formatted(kind.ptx(), kind.prefix(), count)));
    out.append('\n');
    for (Inst inst : kernel.body()) {
      switch (inst) {
        case Inst.Label l -> out.append(l.name()).append(":\n");
        case Inst.Comment c ->
            out.append(c.operation() ? "    //@ " : "    // ")
                .append(comment(c.text()))
                .append('\n');
        default -> out.append("    ").append(print(inst)).append(";\n");
      }
    }
    return out.append("}\n").toString();
  }

  /** One instruction, without its semicolon. */
  public static String print(Inst inst) {
    return switch (inst) {
      case Inst.Mov i -> op("mov." + i.dst().kind().ptx(), i.dst(), i.src());
      case Inst.ReadSpecial i -> "mov.u32 " + i.dst().text() + ", " + i.special().ptx();
      case Inst.SharedBase i -> "mov.u32 " + i.dst().text() + ", " + SHARED;
      case Inst.LdParam i ->
          "ld.param.%s %s, [%s]"
              .formatted(i.parameter().type().ptx(), i.dst().text(), name(i.parameter()));
      case Inst.Arith i -> op(i.op().ptx() + "." + lower(i.type()), i.dst(), i.a(), i.b());
      case Inst.Mad i -> op("mad.lo." + lower(i.type()), i.dst(), i.a(), i.b(), i.c());
      case Inst.MadWide i -> op("mad.wide.s32", i.dst(), i.a(), i.b(), i.c());
      case Inst.FloatArith i -> op(i.op().ptx(), i.dst(), i.a(), i.b());
      case Inst.Fma i -> op("fma.rn.f32", i.dst(), i.a(), i.b(), i.c());
      case Inst.FloatUn i -> op(i.op().ptx(), i.dst(), i.a());
      case Inst.IntAbs i -> op("abs." + lower(i.type()), i.dst(), i.a());
      case Inst.Convert i -> op(i.conversion().ptx(), i.dst(), i.a());
      case Inst.Pack i ->
          op(
              i.dtype() == Dtype.BF16 ? "cvt.rn.bf16x2.f32" : "cvt.rn.f16x2.f32",
              i.dst(),
              i.high(),
              i.low());
      case Inst.SetP i ->
          op("setp." + lower(i.op()) + "." + lower(i.type()), i.dst(), i.a(), i.b());
      case Inst.Pred i -> op(i.op().ptx(), i.dst(), i.a(), i.b());
      case Inst.PredNot i -> op("not.pred", i.dst(), i.a());
      case Inst.SelP i -> op("selp." + i.dst().kind().ptx(), i.dst(), i.a(), i.b(), i.p());
      case Inst.Ld i ->
          "ld.%s%s.%s %s, %s"
              .formatted(
                  i.space().ptx(), vector(i.dst()), i.type().ptx(), regs(i.dst()), i.from().text());
      case Inst.St i ->
          "st.%s%s.%s %s, %s"
              .formatted(
                  i.space().ptx(), vector(i.src()), i.type().ptx(), i.to().text(), regs(i.src()));
      case Inst.LdMatrix i ->
          "ldmatrix.sync.aligned.m8n8.x%d%s.shared.b16 {%s}, %s"
              .formatted(
                  i.dst().size(), i.transpose() ? ".trans" : "", list(i.dst()), i.from().text());
      case Inst.Mma i ->
          "mma.sync.aligned.m16n8k16.row.col.f32.%1$s.%1$s.f32 {%2$s}, {%3$s}, {%4$s}, {%5$s}"
              .formatted(i.dtype().keyword(), list(i.d()), list(i.a()), list(i.b()), list(i.c()));
      case Inst.CpAsync i ->
          "cp.async.cg.shared.global %s, %s, 16%s"
              .formatted(
                  i.to().text(), i.from().text(), i.valid().map(v -> ", " + v.text()).orElse(""));
      case Inst.CpAsyncCommit i -> "cp.async.commit_group";
      case Inst.CpAsyncWait i -> "cp.async.wait_group " + i.pending();
      case Inst.BarSync i -> "bar.sync " + i.id();
      case Inst.BarWarpSync i -> "bar.warp.sync 0xffffffff";
      case Inst.ShflBfly i ->
          "shfl.sync.bfly.b32 %s, %s, %d, 31, 0xffffffff"
              .formatted(i.dst().text(), i.src().text(), i.laneMask());
      case Inst.VoteAny i ->
          "vote.sync.any.pred %s, %s, 0xffffffff".formatted(i.dst().text(), i.src().text());
      case Inst.Guarded i ->
          "@%s%s %s".formatted(i.negated() ? "!" : "", i.guard().text(), print(i.inst()));
      case Inst.Bra i -> (i.uniform() ? "bra.uni " : "bra ") + i.label();
      case Inst.Label i -> i.name() + ":";
      case Inst.Ret i -> "ret";
      case Inst.Comment i -> "// " + comment(i.text());
    };
  }

  /** The name of a parameter in PTX. */
  public static String name(Parameter parameter) {
    return "p_" + parameter.name();
  }

  private static Map<Reg.Kind, Integer> registers(List<Inst> body) {
    Map<Reg.Kind, Integer> counts = new EnumMap<>(Reg.Kind.class);
    for (Inst inst : body) {
      Uses.of(inst).writes().forEach(r -> counts.merge(r.kind(), r.id() + 1, Math::max));
    }
    return counts;
  }

  /** Printable ASCII on one line: what a user wrote must not end a comment or hide in it. */
  private static String comment(String text) {
    return text.replaceAll("[^\\x20-\\x7e]", "?").replace("\\", "/");
  }

  private static String op(String mnemonic, Operand... operands) {
    StringBuilder out = new StringBuilder(mnemonic).append(' ');
    for (int i = 0; i < operands.length; i++) {
      out.append(i == 0 ? "" : ", ").append(operands[i].text());
    }
    return out.toString();
  }

  private static String vector(List<Reg> regs) {
    return regs.size() == 1 ? "" : ".v" + regs.size();
  }

  private static String regs(List<Reg> regs) {
    return regs.size() == 1 ? regs.getFirst().text() : "{" + list(regs) + "}";
  }

  private static String list(List<Reg> regs) {
    return regs.stream().map(Reg::text).collect(Collectors.joining(", "));
  }

  private static String lower(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT);
  }
}
