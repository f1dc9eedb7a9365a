package dev.attune.runtime;

import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.List;

/**
 * What {@link CopyKernel} does, for heads of dimension 64 and compute capability 9.0: through
 * tensor maps, by CTAs that claim tiles from a counter, and set it to zero in the end.
 */
final class TileCopyKernel {
  static final int ROWS = 16;
  static final int DIM = 64;
  static final int K_ROWS = 80;

  private TileCopyKernel() {}

  static Artifact artifact() {
    return artifact(DIM);
  }

  /** The kernel for heads of another dimension up to 64. */
  static Artifact artifact(int dim) {
    List<Parameter> parameters =
        List.of(
            new Parameter("q", new Role.TensorMap(Operand.Q, ROWS, 64), Parameter.Type.TENSOR_MAP),
            new Parameter(
                "k", new Role.TensorMap(Operand.K, K_ROWS, 64), Parameter.Type.TENSOR_MAP),
            new Parameter("o", new Role.TensorMap(Operand.O, ROWS, 64), Parameter.Type.TENSOR_MAP),
            new Parameter("lse", new Role.Pointer(Operand.LSE), Parameter.Type.U64),
            new Parameter("size_q", new Role.Size(Extent.SQ), Parameter.Type.S32),
            new Parameter("heads", new Role.Size(Extent.HQ), Parameter.Type.S32),
            new Parameter("batch", new Role.Size(Extent.B), Parameter.Type.S32),
            new Parameter("scale", new Role.Scale(), Parameter.Type.F32),
            new Parameter("shift", new Role.Scalar("shift"), Parameter.Type.S32),
            new Parameter("bias", new Role.Captured("bias"), Parameter.Type.U64),
            new Parameter("counter", new Role.Counter(), Parameter.Type.U64));
    return new Artifact(
        new Manifest(
            "copy",
            "tiles",
            Target.SM_90A,
            Dtype.BF16,
            new HeadDim(dim, dim),
            Manifest.Grid.PERSISTENT,
            Lengths.ALL,
            32,
            ROWS,
            4096,
            parameters,
            List.of(new Manifest.Scalar("shift", "int", 3, -100, 100)),
            List.of(new Manifest.Captured("bias", "float", List.of("Hq")))),
        PTX);
  }

  /** What a manifest with other items says; the code stays. */
  static Artifact artifact(Manifest.Grid grid, Lengths queries, int rows) {
    Manifest m = artifact().manifest();
    return new Artifact(
        new Manifest(
            m.spec(),
            m.entry(),
            m.target(),
            m.dtype(),
            m.headDim(),
            grid,
            queries,
            m.threads(),
            rows,
            m.sharedBytes(),
            m.parameters(),
            m.params(),
            m.tensors()),
        PTX);
  }

  static final String PTX =
      """
      .version 8.0
      .target sm_90a
      .address_size 64
      .extern .shared .align 1024 .b8 smem[];
      .visible .entry tiles(
        .param .align 64 .b8 p_q[128],
        .param .align 64 .b8 p_k[128],
        .param .align 64 .b8 p_o[128],
        .param .u64 p_lse,
        .param .s32 p_size_q,
        .param .s32 p_heads,
        .param .s32 p_batch,
        .param .f32 p_scale,
        .param .s32 p_shift,
        .param .u64 p_bias,
        .param .u64 p_counter
      )
      .reqntid 32, 1, 1
      {
        .reg .pred %p<6>;
        .reg .b32 %r<24>;
        .reg .b64 %rd<10>;
        .reg .f32 %f<4>;
        mov.u32 %r0, smem;
        add.s32 %r1, %r0, 2048;
        mov.u32 %r2, %tid.x;
        setp.eq.s32 %p0, %r2, 0;
        @%p0 mbarrier.init.shared::cta.b64 [%r1], 1;
        @%p0 fence.mbarrier_init.release.cluster;
        bar.sync 0;
        mov.b64 %rd0, p_q;
        cvta.param.u64 %rd0, %rd0;
        mov.b64 %rd1, p_o;
        cvta.param.u64 %rd1, %rd1;
        ld.param.u64 %rd2, [p_counter];
        ld.param.s32 %r3, [p_size_q];
        ld.param.s32 %r4, [p_heads];
        ld.param.s32 %r5, [p_batch];
        add.s32 %r6, %r3, 15;
        shr.u32 %r6, %r6, 4;
        mul.lo.s32 %r7, %r6, %r4;
        mul.lo.s32 %r7, %r7, %r5;
        mov.u32 %r8, 0;
        mov.u32 %r15, 0;
      CLAIM:
        mov.u32 %r9, 0;
        @%p0 atom.global.add.u32 %r9, [%rd2], 1;
        shfl.sync.idx.b32 %r9, %r9, 0, 31, 0xffffffff;
        setp.ge.s32 %p1, %r9, %r7;
        @%p1 bra FINISH;
        div.s32 %r11, %r9, %r6;
        mul.lo.s32 %r10, %r11, %r6;
        sub.s32 %r10, %r9, %r10;
        div.s32 %r13, %r11, %r4;
        mul.lo.s32 %r12, %r13, %r4;
        sub.s32 %r12, %r11, %r12;
        shl.b32 %r14, %r10, 4;
        @%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 2048;
        @%p0 cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r0], [%rd0, {%r15, %r14, %r12, %r13}], [%r1];
      WAIT:
        mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r1], %r8;
        @!%p2 bra WAIT;
        xor.b32 %r8, %r8, 1;
        @%p0 cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%rd1, {%r15, %r14, %r12, %r13}], [%r0];
        @%p0 cp.async.bulk.commit_group;
        @%p0 cp.async.bulk.wait_group 0;
        add.s32 %r16, %r14, %r2;
        setp.lt.s32 %p3, %r16, %r3;
        setp.lt.s32 %p4, %r2, 16;
        and.pred %p3, %p3, %p4;
        @!%p3 bra NEXT;
        ld.param.u64 %rd3, [p_bias];
        mul.wide.s32 %rd4, %r12, 4;
        add.s64 %rd3, %rd3, %rd4;
        ld.global.f32 %f1, [%rd3];
        ld.param.f32 %f2, [p_scale];
        add.f32 %f1, %f1, %f2;
        ld.param.s32 %r17, [p_shift];
        cvt.rn.f32.s32 %f3, %r17;
        add.f32 %f1, %f1, %f3;
        mad.lo.s32 %r18, %r11, %r3, %r16;
        mul.wide.s32 %rd5, %r18, 4;
        ld.param.u64 %rd6, [p_lse];
        add.s64 %rd6, %rd6, %rd5;
        st.global.f32 [%rd6], %f1;
      NEXT:
        bar.warp.sync 0xffffffff;
        bra CLAIM;
      FINISH:
        @!%p0 bra DONE;
        fence.acq_rel.gpu;
        mov.u32 %r20, %nctaid.x;
        sub.s32 %r20, %r20, 1;
        atom.global.inc.u32 %r21, [%rd2+4], %r20;
        setp.ne.s32 %p5, %r21, %r20;
        @%p5 bra DONE;
        fence.acq_rel.gpu;
        mov.u32 %r22, 0;
        st.global.b32 [%rd2], %r22;
      DONE:
        ret;
      }
      """;
}
