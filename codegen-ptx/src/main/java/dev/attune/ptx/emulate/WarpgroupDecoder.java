package dev.attune.ptx.emulate;

import java.util.List;

/** Decodes {@code wgmma}. */
final class WarpgroupDecoder {
  private WarpgroupDecoder() {}

  static Instruction decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    b.usesWarpgroups();
    String what = m.oneOf("mma_async", "fence", "commit_group", "wait_group");
    m.require("sync");
    m.require("aligned");
    if (what.equals("mma_async")) {
      return multiply(b, m, o);
    }
    m.finish();
    boolean wait = what.equals("wait_group");
    Decoder.count(b, o, wait ? 1 : 0, wait ? 1 : 0);
    return switch (what) {
      case "fence" -> new WarpgroupSync(b.header(), WarpgroupSync.Kind.FENCE, 0);
      case "commit_group" -> new WarpgroupSync(b.header(), WarpgroupSync.Kind.COMMIT, 0);
      default ->
          new WarpgroupSync(b.header(), WarpgroupSync.Kind.WAIT, immediate(b, o.get(0), 0, 7));
    };
  }

  private static Instruction multiply(EntryBuilder b, Modifiers m, List<Operand> o) {
    int columns = columns(m);
    m.require("f32");
    String type = m.oneOf("bf16", "f16");
    m.require(type);
    m.finish();
    Decoder.count(b, o, 7, 8);
    int[] d = Decoder.vector(b, o.get(0), columns / 2, PtxType.F32, true);
    boolean registers = o.get(1) instanceof Operand.Vector;
    Decoder.count(b, o, registers ? 7 : 8, registers ? 7 : 8);
    int[] left = registers ? b.ids(o.get(1)) : new int[0];
    int[] a = registers ? Decoder.vector(b, o.get(1), 4, PtxType.B32, false) : null;
    int descriptorA = registers ? 0 : b.source(o.get(1), PtxType.B64);
    int descriptorB = b.source(o.get(2), PtxType.B64);
    int scaleD = b.sourcePredicate(o.get(3));
    boolean negateA = negates(b, o.get(4));
    boolean negateB = negates(b, o.get(5));
    boolean acrossA = !registers && immediate(b, o.get(6), 0, 1) == 1;
    boolean acrossB = immediate(b, o.getLast(), 0, 1) == 1;
    Header header = b.header();
    if (header.writes().length != d.length) {
      throw b.error("an accumulator is named twice");
    }
    return new WarpgroupMultiply(
        header,
        d,
        a,
        left,
        descriptorA,
        descriptorB,
        scaleD,
        type.equals("bf16"),
        negateA,
        negateB,
        acrossA,
        acrossB);
  }

  private static int columns(Modifiers m) {
    String shape = m.word();
    if (shape.matches("m64n[0-9]{1,3}k16")) {
      int columns = Integer.parseInt(shape.substring(4, shape.length() - 3));
      if (columns >= 8 && columns <= 256 && columns % 8 == 0) {
        return columns;
      }
    }
    throw m.unsupported(
        "expected a shape .m64nNk16 with N a multiple of 8 from 8 to 256, found ." + shape);
  }

  private static boolean negates(EntryBuilder b, Operand operand) {
    if (operand instanceof Operand.Int value && Math.abs(value.value()) == 1) {
      return value.value() < 0;
    }
    throw b.error("expected the scale 1 or -1, found " + operand);
  }

  private static int immediate(EntryBuilder b, Operand operand, int least, int most) {
    if (operand instanceof Operand.Int value && value.value() >= least && value.value() <= most) {
      return (int) value.value();
    }
    throw b.error("expected a constant from " + least + " to " + most + ", found " + operand);
  }
}
