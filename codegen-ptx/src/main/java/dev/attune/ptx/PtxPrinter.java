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
      out.append(".extern .shared .align 1024 .b8 ").append(SHARED).append("[];\n\n");
    }
    out.append(".visible .entry ").append(kernel.entry()).append("(\n");
    out.append(
        kernel.parameters().stream()
            .map(PtxPrinter::declaration)
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
      case Inst.BarSyncSome i -> "bar.sync %s, %d".formatted(i.id().text(), i.threads());
      case Inst.MbarrierInit i ->
          "mbarrier.init.shared::cta.b64 %s, %d".formatted(i.barrier().text(), i.count());
      case Inst.MbarrierArrive i -> "mbarrier.arrive.shared::cta.b64 _, " + i.barrier().text();
      case Inst.MbarrierExpect i ->
          "mbarrier.arrive.expect_tx.shared::cta.b64 _, %s, %s"
              .formatted(i.barrier().text(), i.bytes().text());
      case Inst.MbarrierTryWait i ->
          "mbarrier.try_wait.parity.shared::cta.b64 %s, %s, %s"
              .formatted(i.dst().text(), i.barrier().text(), i.parity().text());
      case Inst.FenceMbarrierInit i -> "fence.mbarrier_init.release.cluster";
      case Inst.FenceProxyAsync i -> "fence.proxy.async.shared::cta";
      case Inst.FenceGpu i -> "fence.acq_rel.gpu";
      case Inst.TensorMapAddress i ->
          "mov.b64 %1$s, %2$s;\n    cvta.param.u64 %1$s, %1$s"
              .formatted(i.dst().text(), name(i.parameter()));
      case Inst.PrefetchTensorMap i -> "prefetch.tensormap [" + i.map().text() + "]";
      case Inst.TmaLoad i ->
          "cp.async.bulk.tensor.%dd.shared::cluster.global.tile.mbarrier::complete_tx::bytes %s, [%s, {%s}], %s"
              .formatted(
                  i.coordinates().size(),
                  i.to().text(),
                  i.map().text(),
                  list(i.coordinates()),
                  i.barrier().text());
      case Inst.TmaStore i ->
          "cp.async.bulk.tensor.%dd.global.shared::cta.tile.bulk_group [%s, {%s}], %s"
              .formatted(
                  i.coordinates().size(), i.map().text(), list(i.coordinates()), i.from().text());
      case Inst.TmaStoreCommit i -> "cp.async.bulk.commit_group";
      case Inst.TmaStoreWait i ->
          "cp.async.bulk.wait_group%s %d".formatted(i.read() ? ".read" : "", i.pending());
      case Inst.Wgmma i -> wgmma(i);
      case Inst.WgmmaFence i -> "wgmma.fence.sync.aligned";
      case Inst.WgmmaCommit i -> "wgmma.commit_group.sync.aligned";
      case Inst.WgmmaWait i -> "wgmma.wait_group.sync.aligned " + i.pending();
      case Inst.SetMaxRegisters i ->
          "setmaxnreg.%s.sync.aligned.u32 %d".formatted(i.increase() ? "inc" : "dec", i.count());
      case Inst.Elect i -> "elect.sync _|%s, 0xffffffff".formatted(i.dst().text());
      case Inst.StMatrix i ->
          "stmatrix.sync.aligned.m8n8.x%d.shared.b16 %s, {%s}"
              .formatted(i.src().size(), i.to().text(), list(i.src()));
      case Inst.ShflIdx i ->
          "shfl.sync.idx.b32 %s, %s, %s, 31, 0xffffffff"
              .formatted(i.dst().text(), i.src().text(), i.lane().text());
      case Inst.AtomAdd i ->
          "atom.global.add.u32 %s, %s, %s"
              .formatted(i.dst().text(), i.at().text(), i.value().text());
      case Inst.AtomInc i ->
          "atom.global.inc.u32 %s, %s, %s"
              .formatted(i.dst().text(), i.at().text(), i.bound().text());
      case Inst.Join i ->
          "mov.b64 %s, {%s, %s}".formatted(i.dst().text(), i.low().text(), i.high().text());
      case Inst.Bits i -> "mov.b32 %s, %s".formatted(i.dst().text(), i.src().text());
      case Inst.HighestBit i -> op("bfind.u32", i.dst(), i.src());
      case Inst.BarWarpSync i -> "bar.warp.sync 0xffffffff";
      case Inst.ShflBfly i ->
          "shfl.sync.bfly.b32 %s, %s, %d, 31, 0xffffffff"
              .formatted(i.dst().text(), i.src().text(), i.laneMask());
      case Inst.VoteAny i ->
          "vote.sync.any.pred %s, %s, 0xffffffff".formatted(i.dst().text(), i.src().text());
      case Inst.VoteBallot i ->
          "vote.sync.ballot.b32 %s, %s, 0xffffffff".formatted(i.dst().text(), i.src().text());
      case Inst.PopCount i -> op("popc.b32", i.dst(), i.src());
      case Inst.Guarded i ->
          "@%s%s %s".formatted(i.negated() ? "!" : "", i.guard().text(), print(i.inst()));
      case Inst.Bra i -> (i.uniform() ? "bra.uni " : "bra ") + i.label();
      case Inst.Label i -> i.name() + ":";
      case Inst.Ret i -> "ret";
      case Inst.Comment i -> "// " + comment(i.text());
    };
  }

  private static String wgmma(Inst.Wgmma i) {
    String transposes =
        switch (i.a()) {
          case Inst.Left.Shared a -> "0, " + (i.transposeB() ? 1 : 0);
          case Inst.Left.Registers a -> i.transposeB() ? "1" : "0";
        };
    String left =
        switch (i.a()) {
          case Inst.Left.Shared a -> a.descriptor().text();
          case Inst.Left.Registers a -> "{" + list(a.regs()) + "}";
        };
    return "wgmma.mma_async.sync.aligned.m64n%dk16.f32.%2$s.%2$s {%3$s}, %4$s, %5$s, %6$d, 1, 1, %7$s"
        .formatted(
            2 * i.d().size(),
            i.dtype().keyword(),
            list(i.d()),
            left,
            i.b().text(),
            i.accumulate() ? 1 : 0,
            transposes);
  }

  private static String declaration(Parameter p) {
    return switch (p.type()) {
      case TENSOR_MAP ->
          "    .param .align %d .b8 %s[%d]"
              .formatted(p.type().alignment(), name(p), p.type().bytes());
      case U64, S64, S32, F32 -> "    .param .%s %s".formatted(p.type().ptx(), name(p));
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

  private static String list(List<? extends Operand> regs) {
    return regs.stream().map(Operand::text).collect(Collectors.joining(", "));
  }

  private static String lower(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT);
  }
}
