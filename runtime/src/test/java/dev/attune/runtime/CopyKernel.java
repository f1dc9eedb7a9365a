package dev.attune.runtime;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Axis;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * A hand-written kernel with the interface of an attention, which copies instead: O = Q, through
 * shared memory, and LSE[b, h, q] = scale + shift + bias[h].
 */
final class CopyKernel {
  static final int ROWS = 32;

  /** More than a CTA has without asking. */
  static final int SHARED_BYTES = 96 << 10;

  private static final Origin ORIGIN = new Origin("copy.attn", 1);

  static final AttentionSpec SPEC =
      new AttentionSpec(
          "copy",
          ORIGIN,
          List.of(
              new ParamDecl(
                  "shift",
                  ScalarType.INT,
                  new Expr.IntConst(3),
                  Optional.of(
                      new Clause(
                          new Expr.Compare(
                              CompareOp.NE,
                              new Expr.Param("shift", ScalarType.INT),
                              new Expr.IntConst(7)),
                          new Origin("copy.attn", 3))),
                  new ParamDecl.Range(-100, 100),
                  ORIGIN)),
          List.of(
              new TensorDecl(
                  "bias",
                  ScalarType.FLOAT,
                  List.of(new Expr.Size(Extent.HQ)),
                  false,
                  Optional.empty(),
                  false,
                  ORIGIN)),
          new Clause(new Expr.Score(), ORIGIN),
          new Clause(new Expr.BoolConst(true), ORIGIN),
          new Normalization.Softmax(Optional.empty()),
          Set.of(Output.LSE),
          Optional.empty(),
          Optional.empty(),
          List.of());

  private CopyKernel() {}

  static Artifact artifact() {
    return artifact(new HeadDim(8, 8));
  }

  /** The same for heads of another dimension, of which it copies 8 elements. */
  static Artifact artifact(HeadDim dim) {
    List<Parameter> parameters = new ArrayList<>();
    for (Operand operand : List.of(Operand.Q, Operand.K, Operand.V, Operand.O, Operand.LSE)) {
      String name = operand.name().toLowerCase(Locale.ROOT);
      parameters.add(new Parameter(name, new Role.Pointer(operand), Parameter.Type.U64));
    }
    parameters.add(new Parameter("size_q", new Role.Size(Extent.SQ), Parameter.Type.S32));
    parameters.add(new Parameter("bias", new Role.Captured("bias"), Parameter.Type.U64));
    for (Axis axis : Axis.values()) {
      String name = axis.name().toLowerCase(Locale.ROOT);
      parameters.add(
          new Parameter("q_" + name, new Role.Stride(Operand.Q, axis), Parameter.Type.S64));
      parameters.add(
          new Parameter("o_" + name, new Role.Stride(Operand.O, axis), Parameter.Type.S64));
    }
    parameters.add(new Parameter("heads", new Role.Size(Extent.HQ), Parameter.Type.S32));
    parameters.add(new Parameter("scale", new Role.Scale(), Parameter.Type.F32));
    parameters.add(new Parameter("shift", new Role.Scalar("shift"), Parameter.Type.S32));
    return new Artifact(
        new Manifest(
            "copy",
            "copy",
            Target.SM_80,
            Dtype.BF16,
            dim,
            Manifest.Grid.ITEMS,
            Lengths.ALL,
            ROWS,
            ROWS,
            SHARED_BYTES,
            parameters,
            List.of(new Manifest.Scalar("shift", "int", 3, -100, 100)),
            List.of(new Manifest.Captured("bias", "float", List.of("Hq")))),
        PTX);
  }

  static final String PTX =
      """
      .version 8.0
      .target sm_80
      .address_size 64
      .extern .shared .align 16 .b8 shared[];
      .visible .entry copy(
        .param .u64 p_q, .param .u64 p_k, .param .u64 p_v, .param .u64 p_o, .param .u64 p_lse,
        .param .s32 p_size_q, .param .u64 p_bias,
        .param .s64 p_q_batch, .param .s64 p_o_batch, .param .s64 p_q_seq, .param .s64 p_o_seq,
        .param .s64 p_q_head, .param .s64 p_o_head,
        .param .s32 p_heads, .param .f32 p_scale, .param .s32 p_shift
      )
      {
        .reg .pred %p<2>;
        .reg .b32 %r<20>;
        .reg .b64 %rd<20>;
        .reg .f32 %f<6>;
        mov.u32 %r1, %ctaid.x;
        mov.u32 %r2, %tid.x;
        mad.lo.s32 %r3, %r1, 32, %r2;
        mov.u32 %r4, %ctaid.y;
        mov.u32 %r5, %ctaid.z;
        ld.param.s32 %r6, [p_size_q];
        setp.ge.s32 %p1, %r3, %r6;
        @%p1 bra DONE;
        cvt.s64.s32 %rd1, %r3;
        cvt.s64.s32 %rd2, %r4;
        cvt.s64.s32 %rd3, %r5;
        ld.param.s64 %rd4, [p_q_batch];
        ld.param.s64 %rd5, [p_q_seq];
        ld.param.s64 %rd6, [p_q_head];
        mul.lo.s64 %rd7, %rd3, %rd4;
        mad.lo.s64 %rd7, %rd1, %rd5, %rd7;
        mad.lo.s64 %rd7, %rd2, %rd6, %rd7;
        shl.b64 %rd7, %rd7, 1;
        ld.param.u64 %rd8, [p_q];
        add.s64 %rd8, %rd8, %rd7;
        ld.global.v4.b32 {%r7, %r8, %r9, %r10}, [%rd8];
        mov.u32 %r11, shared;
        mad.lo.s32 %r11, %r2, 2048, %r11;
        st.shared.v4.b32 [%r11], {%r7, %r8, %r9, %r10};
        ld.shared.v4.b32 {%r12, %r13, %r14, %r15}, [%r11];
        ld.param.s64 %rd4, [p_o_batch];
        ld.param.s64 %rd5, [p_o_seq];
        ld.param.s64 %rd6, [p_o_head];
        mul.lo.s64 %rd7, %rd3, %rd4;
        mad.lo.s64 %rd7, %rd1, %rd5, %rd7;
        mad.lo.s64 %rd7, %rd2, %rd6, %rd7;
        shl.b64 %rd7, %rd7, 1;
        ld.param.u64 %rd8, [p_o];
        add.s64 %rd8, %rd8, %rd7;
        st.global.v4.b32 [%rd8], {%r12, %r13, %r14, %r15};
        ld.param.u64 %rd9, [p_bias];
        shl.b64 %rd10, %rd2, 2;
        add.s64 %rd9, %rd9, %rd10;
        ld.global.f32 %f1, [%rd9];
        ld.param.f32 %f2, [p_scale];
        add.f32 %f1, %f1, %f2;
        ld.param.s32 %r16, [p_shift];
        cvt.rn.f32.s32 %f3, %r16;
        add.f32 %f1, %f1, %f3;
        ld.param.s32 %r17, [p_heads];
        mad.lo.s32 %r18, %r5, %r17, %r4;
        mad.lo.s32 %r18, %r18, %r6, %r3;
        mul.wide.s32 %rd11, %r18, 4;
        ld.param.u64 %rd12, [p_lse];
        add.s64 %rd12, %rd12, %rd11;
        st.global.f32 [%rd12], %f1;
      DONE:
        ret;
      }
      """;
}
