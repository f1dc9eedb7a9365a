package dev.attune.ptx.emulate;

import java.util.Locale;

/**
 * Text of a causal attention forward for one head with d = 64 in bf16, in the manner of
 * FlashAttention-2: CTAs of four warps take 64 queries each, key and value tiles of 64 rows are
 * double-buffered through {@code cp.async}. Entry {@code fa(q, k, v, o, s, scale · log2 e)}.
 */
final class AttentionPtx {
  static final int SHARED_BYTES = 40960;

  private static final int STAGE_BYTES = 16384;

  private final StringBuilder text = new StringBuilder();

  private AttentionPtx() {}

  static String forward() {
    AttentionPtx kernel = new AttentionPtx();
    kernel.emit();
    return kernel.text.toString();
  }

  @SuppressWarnings("AnnotateFormatMethod") // The annotation is no dependency of this project.
  private void line(String format, Object... arguments) {
    text.append(String.format(Locale.ROOT, format, arguments)).append('\n');
  }

  private void emit() {
    text.append(
        """
        .version 8.0
        .target sm_80
        .address_size 64
        .extern .shared .align 128 .b8 smem[];
        .visible .entry fa(.param .u64 q, .param .u64 k, .param .u64 v, .param .u64 o,
            .param .u32 s, .param .f32 scale)
        .reqntid 128, 1, 1
        {
        .reg .b32 %r<64>, %qa<16>, %kb<4>, %pa<16>;
        .reg .b64 %rd<16>;
        .reg .f32 %s<32>, %o<32>, %m<2>, %l<2>, %f<16>;
        .reg .pred %p<8>;
        //@ load q [test.attn:1]
        ld.param.u64 %rd0, [q]; ld.param.u64 %rd1, [k]; ld.param.u64 %rd2, [v];
        ld.param.u64 %rd3, [o]; ld.param.u32 %r0, [s]; ld.param.f32 %f0, [scale];
        cvta.to.global.u64 %rd0, %rd0; cvta.to.global.u64 %rd1, %rd1;
        cvta.to.global.u64 %rd2, %rd2; cvta.to.global.u64 %rd3, %rd3;
        mov.u32 %r1, %tid.x; shr.u32 %r2, %r1, 5; and.b32 %r3, %r1, 31; mov.u32 %r4, %ctaid.x;
        mov.u32 %r5, smem;
        shr.u32 %r6, %r1, 3; and.b32 %r7, %r1, 7; and.b32 %r8, %r6, 7; xor.b32 %r8, %r8, %r7;
        shl.b32 %r9, %r6, 7; shl.b32 %r8, %r8, 4; add.u32 %r8, %r8, %r9; add.u32 %r8, %r8, %r5;
        shl.b32 %r10, %r7, 4; add.u32 %r9, %r9, %r10;
        cvt.u64.u32 %rd4, %r9;
        mul.wide.u32 %rd5, %r4, 8192;
        add.u64 %rd6, %rd0, %rd5; add.u64 %rd6, %rd6, %rd4;
        add.u64 %rd7, %rd1, %rd4; add.u64 %rd8, %rd2, %rd4;
        """);
    loadTile("%r8", 0, "%rd6");
    loadTile("%r8", 8192, "%rd7");
    loadTile("%r8", 16384, "%rd8");
    line("cp.async.commit_group;");
    for (int i = 0; i < 32; i++) {
      line("mov.f32 %%o%d, 0f00000000;", i);
    }
    for (int i = 0; i < 2; i++) {
      line("mov.f32 %%m%d, 0fFF800000; mov.f32 %%l%d, 0f00000000;", i, i);
    }
    text.append(
        """
        // Rows of this lane in its ldmatrix: queries and values, then keys.
        and.b32 %r11, %r3, 15; and.b32 %r12, %r3, 7; shr.u32 %r13, %r3, 4;
        shl.b32 %r14, %r2, 4; add.u32 %r14, %r14, %r11; shl.b32 %r14, %r14, 7;
        add.u32 %r14, %r14, %r5;
        shl.b32 %r15, %r11, 7; add.u32 %r15, %r15, %r5;
        shl.b32 %r16, %r13, 3; add.u32 %r16, %r16, %r12; shl.b32 %r16, %r16, 7;
        add.u32 %r16, %r16, %r5;
        shr.u32 %r17, %r3, 3; and.b32 %r17, %r17, 1;
        shr.u32 %r18, %r3, 2; and.b32 %r19, %r3, 3; shl.b32 %r19, %r19, 1;
        mov.u32 %r20, 0; mov.u32 %r21, 0;
        LOOP:
        //@ load k, v of the next tile [test.attn:2]
        setp.ge.u32 %p0, %r20, %r4;
        @%p0 bra NO_LOAD;
        add.u64 %rd7, %rd7, 8192; add.u64 %rd8, %rd8, 8192;
        xor.b32 %r22, %r21, 16384; add.u32 %r23, %r8, %r22;
        """);
    loadTile("%r23", 8192, "%rd7");
    loadTile("%r23", 16384, "%rd8");
    line("NO_LOAD:");
    line("cp.async.commit_group;");
    line("cp.async.wait_group 1;");
    line("bar.sync 0;");
    scores();
    mask();
    softmax();
    values();
    line("bar.sync 0;");
    line("xor.b32 %%r21, %%r21, %d;", STAGE_BYTES);
    line("add.u32 %%r20, %%r20, 1; setp.le.u32 %%p0, %%r20, %%r4; @%%p0 bra LOOP;");
    store();
    line("ret;\n}");
  }

  private void loadTile(String to, int offset, String from) {
    for (int i = 0; i < 4; i++) {
      line(
          "cp.async.cg.shared.global [%s+%d], [%s+%d], 16;",
          to, offset + (2048 * i), from, 2048 * i);
    }
  }

  private void matrix(String registers, String rowAddress, int chunk, String half, int offset) {
    line(
        "add.u32 %%r24, %s, %d; xor.b32 %%r24, %%r24, %%r12; shl.b32 %%r24, %%r24, 4;",
        half, chunk);
    line("add.u32 %%r24, %%r24, %s;", rowAddress);
    line(
        "ldmatrix.sync.aligned.m8n8.x4%s.shared.b16 %s, [%%r24+%d];",
        registers.startsWith("T") ? ".trans" : "", registers.substring(1), offset);
  }

  private void scores() {
    line("//@ dot q k [test.attn:3]");
    for (int i = 0; i < 32; i++) {
      line("mov.f32 %%s%d, 0f00000000;", i);
    }
    line("add.u32 %%r25, %%r16, %%r21;");
    for (int k = 0; k < 4; k++) {
      matrix(vector("N", "%qa", 4 * k, 4), "%r14", 2 * k, "%r13", 0);
      for (int n = 0; n < 4; n++) {
        matrix("N{%kb0, %kb1, %kb2, %kb3}", "%r25", 2 * k, "%r17", 8192 + (2048 * n));
        multiply("%s", 8 * n, "%qa", 4 * k, 0);
        multiply("%s", (8 * n) + 4, "%qa", 4 * k, 2);
      }
    }
  }

  private static String vector(String prefix, String name, int first, int count) {
    StringBuilder result = new StringBuilder(prefix).append('{');
    for (int i = 0; i < count; i++) {
      result.append(i == 0 ? "" : ", ").append(name).append(first + i);
    }
    return result.append('}').toString();
  }

  private void multiply(String c, int first, String a, int firstA, int firstB) {
    line(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 %s, %s, %s, %s;",
        vector("", c, first, 4),
        vector("", a, firstA, 4),
        vector("", "%kb", firstB, 2),
        vector("", c, first, 4));
  }

  private void mask() {
    line("//@ map mask [test.attn:4]");
    line("setp.ne.u32 %%p1, %%r20, %%r4;");
    line("@%%p1 bra NO_MASK;");
    line("shl.b32 %%r26, %%r2, 4; add.u32 %%r26, %%r26, %%r18; add.u32 %%r27, %%r26, 8;");
    for (int i = 0; i < 32; i++) {
      line("add.u32 %%r28, %%r19, %d;", (8 * (i / 4)) + (i % 2));
      line("setp.gt.u32 %%p2, %%r28, %s;", i % 4 < 2 ? "%r26" : "%r27");
      line("selp.f32 %%s%d, 0fFF800000, %%s%d, %%p2;", i, i);
    }
    line("NO_MASK:");
  }

  private void softmax() {
    line("//@ softmax [test.attn:5]");
    for (int half = 0; half < 2; half++) {
      line("mov.f32 %%f1, %%m%d;", half);
      for (int i = 0; i < 32; i++) {
        if (i % 4 / 2 == half) {
          line("max.f32 %%f1, %%f1, %%s%d;", i);
        }
      }
      for (int lanes = 1; lanes <= 2; lanes++) {
        line("mov.b32 %%r29, %%f1; shfl.sync.bfly.b32 %%r30, %%r29, %d, 31, -1;", lanes);
        line("mov.b32 %%f2, %%r30; max.f32 %%f1, %%f1, %%f2;");
      }
      line("mul.f32 %%f3, %%f1, %%f0; mul.f32 %%f4, %%m%d, %%f0; sub.f32 %%f4, %%f4, %%f3;", half);
      line("ex2.approx.ftz.f32 %%f4, %%f4; mov.f32 %%m%d, %%f1; neg.f32 %%f3, %%f3;", half);
      line("mul.f32 %%l%d, %%l%d, %%f4;", half, half);
      for (int i = 0; i < 32; i++) {
        if (i % 4 / 2 == half) {
          line("fma.rn.f32 %%s%d, %%s%d, %%f0, %%f3; ex2.approx.ftz.f32 %%s%d, %%s%d;", i, i, i, i);
          line("add.f32 %%l%d, %%l%d, %%s%d; mul.f32 %%o%d, %%o%d, %%f4;", half, half, i, i, i);
        }
      }
    }
  }

  private void values() {
    line("//@ dot p v [test.attn:6]");
    line("add.u32 %%r25, %%r15, %%r21;");
    for (int i = 0; i < 16; i++) {
      line("cvt.rn.bf16x2.f32 %%pa%d, %%s%d, %%s%d;", i, (2 * i) + 1, 2 * i);
    }
    for (int k = 0; k < 4; k++) {
      for (int n = 0; n < 4; n++) {
        matrix("T{%kb0, %kb1, %kb2, %kb3}", "%r25", 2 * n, "%r13", 16384 + (2048 * k));
        multiply("%o", 8 * n, "%pa", 4 * k, 0);
        multiply("%o", (8 * n) + 4, "%pa", 4 * k, 2);
      }
    }
  }

  private void store() {
    line("//@ store o [test.attn:7]");
    line("shl.b32 %%r31, %%r4, 6; shl.b32 %%r32, %%r2, 4; add.u32 %%r31, %%r31, %%r32;");
    line("add.u32 %%r31, %%r31, %%r18; shl.b32 %%r31, %%r31, 6; add.u32 %%r31, %%r31, %%r19;");
    line("mul.wide.u32 %%rd9, %%r31, 2; add.u64 %%rd9, %%rd9, %%rd3;");
    for (int half = 0; half < 2; half++) {
      for (int lanes = 1; lanes <= 2; lanes++) {
        line("mov.b32 %%r29, %%l%d; shfl.sync.bfly.b32 %%r30, %%r29, %d, 31, -1;", half, lanes);
        line("mov.b32 %%f2, %%r30; add.f32 %%l%d, %%l%d, %%f2;", half, half);
      }
      line("rcp.approx.ftz.f32 %%f5, %%l%d;", half);
      for (int n = 0; n < 8; n++) {
        int i = (4 * n) + (2 * half);
        line("mul.f32 %%f6, %%o%d, %%f5; mul.f32 %%f7, %%o%d, %%f5;", i, i + 1);
        line("cvt.rn.bf16x2.f32 %%r33, %%f7, %%f6;");
        line("st.global.b32 [%%rd9+%d], %%r33;", (16 * n) + (1024 * half));
      }
    }
  }
}
