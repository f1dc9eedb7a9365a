package dev.attune.ptx.emulate;

import java.util.List;

/** Decodes integer, bit, floating-point and predicate arithmetic. */
final class ArithmeticDecoder {
  private ArithmeticDecoder() {}

  static Instruction decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "add", "sub", "mul", "mad", "fma", "div", "rem", "min", "max", "neg", "abs" ->
          arithmetic(b, m, o);
      case "sqrt", "rsqrt", "rcp", "ex2", "lg2", "sin", "cos", "tanh" -> function(b, m, o);
      case "and", "or", "xor", "not" -> logic(b, m, o);
      case "shl", "shr" -> shift(b, m, o);
      default -> bits(b, m, o);
    };
  }

  private static Instruction arithmetic(EntryBuilder b, Modifiers m, List<Operand> o) {
    String root = m.root();
    // Modifiers of floats come first in every form, and those of integers are words of their own.
    String part = "";
    if (root.equals("mul") || root.equals("mad")) {
      part = m.take("lo") ? "lo" : m.take("hi") ? "hi" : m.take("wide") ? "wide" : "";
    }
    boolean approximate = root.equals("div") && (m.take("full") || m.take("approx"));
    boolean rounded = m.take("rn");
    boolean flush = m.take("ftz");
    boolean nan = (root.equals("min") || root.equals("max")) && m.take("NaN");
    boolean saturate = m.take("sat");
    PtxType type = m.type();
    m.finish();
    if (type == PtxType.F32) {
      if (!part.isEmpty() || root.equals("rem") || root.equals("mad")) {
        throw m.unsupported("this form is not supported for .f32");
      }
      if ((root.equals("div") && !approximate && !rounded) || (root.equals("fma") && !rounded)) {
        throw m.unsupported("a rounding is missing");
      }
      boolean roundable = List.of("add", "sub", "mul", "fma", "div").contains(root);
      boolean saturable = roundable && !root.equals("div");
      if ((rounded && (!roundable || approximate)) || (saturate && !saturable)) {
        throw m.unsupported("a modifier does not fit ." + root);
      }
      return floats(b, m, o, root, nan, flush, saturate);
    }
    if (!type.isInteger() || type.bits == 8) {
      throw m.unsupported("the type ." + type + " is not supported");
    }
    if (approximate || rounded || flush || nan || saturate || root.equals("fma")) {
      throw m.unsupported("a modifier does not fit ." + type);
    }
    boolean product = root.equals("mul") || root.equals("mad");
    if (product == part.isEmpty()) {
      throw m.unsupported("expected .lo, .hi or .wide");
    }
    if ((root.equals("neg") || root.equals("abs")) && !type.isSigned()) {
      throw m.unsupported("expected a signed type");
    }
    return part.equals("wide") ? wide(b, m, o, type) : integer(b, m, o, type, part);
  }

  private static Instruction floats(
      EntryBuilder b,
      Modifiers m,
      List<Operand> o,
      String root,
      boolean nan,
      boolean flush,
      boolean saturate) {
    FloatOp.Kind kind =
        switch (root) {
          case "add" -> FloatOp.Kind.ADD;
          case "sub" -> FloatOp.Kind.SUB;
          case "mul" -> FloatOp.Kind.MUL;
          case "fma" -> FloatOp.Kind.FMA;
          case "div" -> FloatOp.Kind.DIV;
          case "min" -> nan ? FloatOp.Kind.MIN_NAN : FloatOp.Kind.MIN;
          case "max" -> nan ? FloatOp.Kind.MAX_NAN : FloatOp.Kind.MAX;
          case "neg" -> FloatOp.Kind.NEG;
          case "abs" -> FloatOp.Kind.ABS;
          default -> throw m.unsupported("not supported for .f32");
        };
    int sources = kind == FloatOp.Kind.FMA ? 3 : root.equals("neg") || root.equals("abs") ? 1 : 2;
    int[] slots = operands(b, o, sources, PtxType.F32);
    return new FloatOp(b.header(), kind, flush, saturate, slots[0], slots[1], slots[2], slots[3]);
  }

  /** Destination and sources of one type; absent ones are zero. */
  private static int[] operands(EntryBuilder b, List<Operand> o, int sources, PtxType type) {
    Decoder.count(b, o, sources + 1, sources + 1);
    int[] slots = new int[4];
    slots[0] = b.target(o.get(0), type);
    for (int i = 1; i <= sources; i++) {
      slots[i] = b.source(o.get(i), type);
    }
    return slots;
  }

  private static Instruction function(EntryBuilder b, Modifiers m, List<Operand> o) {
    String root = m.root();
    boolean exact = (root.equals("sqrt") || root.equals("rcp")) && m.take("rn");
    if (!exact) {
      m.require("approx");
    }
    boolean flush = m.take("ftz");
    m.require("f32");
    m.finish();
    if (flush && root.equals("tanh")) {
      throw m.unsupported("tanh has no .ftz");
    }
    FloatOp.Kind kind =
        switch (root) {
          case "sqrt" -> FloatOp.Kind.SQRT;
          case "rsqrt" -> FloatOp.Kind.RSQRT;
          case "rcp" -> FloatOp.Kind.RCP;
          case "ex2" -> FloatOp.Kind.EX2;
          case "lg2" -> FloatOp.Kind.LG2;
          case "sin" -> FloatOp.Kind.SIN;
          case "cos" -> FloatOp.Kind.COS;
          default -> FloatOp.Kind.TANH;
        };
    int[] slots = operands(b, o, 1, PtxType.F32);
    return new FloatOp(b.header(), kind, flush, false, slots[0], slots[1], 0, 0);
  }

  private static Instruction integer(
      EntryBuilder b, Modifiers m, List<Operand> o, PtxType type, String part) {
    String root = m.root();
    boolean unary = root.equals("neg") || root.equals("abs");
    int[] slots = operands(b, o, root.equals("mad") ? 3 : unary ? 1 : 2, type);
    String name = root.toUpperCase(java.util.Locale.ROOT);
    String sign = type.isSigned() ? "_S" : "_U";
    String kind =
        switch (root) {
          case "mul", "mad" -> part.equals("lo") ? name + "_LO" : name + "_HI" + sign;
          case "div", "rem", "min", "max" -> name + sign;
          default -> name;
        };
    if (type.bits == 64) {
      if (kind.startsWith("MAD_HI")) {
        throw m.unsupported("not supported for 64 bits");
      }
      return new LongOp(
          b.header(), LongOp.Kind.valueOf(kind), slots[0], slots[1], slots[2], slots[3]);
    }
    if (type.bits == 16 && part.equals("hi")) {
      throw m.unsupported("not supported for 16 bits");
    }
    return new IntegerOp(
        b.header(),
        IntegerOp.Kind.valueOf(kind),
        narrow(type),
        type.bits == 16,
        slots[0],
        slots[1],
        slots[2],
        slots[3],
        0);
  }

  private static IntegerOp.Narrow narrow(PtxType type) {
    if (type.bits != 16) {
      return IntegerOp.Narrow.NO;
    }
    return type.isSigned() ? IntegerOp.Narrow.SIGNED : IntegerOp.Narrow.UNSIGNED;
  }

  private static Instruction wide(EntryBuilder b, Modifiers m, List<Operand> o, PtxType type) {
    boolean mad = m.root().equals("mad");
    PtxType result =
        switch (type) {
          case S16 -> PtxType.S32;
          case U16 -> PtxType.U32;
          case S32 -> PtxType.S64;
          case U32 -> PtxType.U64;
          default -> throw m.unsupported("there is no wider type");
        };
    Decoder.count(b, o, mad ? 4 : 3, mad ? 4 : 3);
    int d = b.target(o.get(0), result);
    int x = b.source(o.get(1), type);
    int y = b.source(o.get(2), type);
    int z = mad ? b.source(o.get(3), result) : 0;
    if (type.bits == 16) {
      IntegerOp.Kind kind = mad ? IntegerOp.Kind.MAD_LO : IntegerOp.Kind.MUL_LO;
      return new IntegerOp(b.header(), kind, narrow(type), false, d, x, y, z, 0);
    }
    LongOp.Kind kind =
        mad
            ? (type.isSigned() ? LongOp.Kind.MAD_WIDE_S : LongOp.Kind.MAD_WIDE_U)
            : (type.isSigned() ? LongOp.Kind.MUL_WIDE_S : LongOp.Kind.MUL_WIDE_U);
    return new LongOp(b.header(), kind, d, x, y, z);
  }

  private static Instruction logic(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    boolean not = m.root().equals("not");
    String name = m.root().toUpperCase(java.util.Locale.ROOT);
    if (type == PtxType.PRED) {
      Decoder.count(b, o, not ? 2 : 3, not ? 2 : 3);
      int d = b.targetPredicate(o.get(0));
      int x = b.sourcePredicate(o.get(1));
      int y = not ? x : b.sourcePredicate(o.get(2));
      return new PredicateOp(b.header(), PredicateOp.Kind.valueOf(name), d, x, y);
    }
    requireBits(m, type);
    int[] slots = operands(b, o, not ? 1 : 2, type);
    if (type.bits == 64) {
      return new LongOp(b.header(), LongOp.Kind.valueOf(name), slots[0], slots[1], slots[2], 0);
    }
    IntegerOp.Narrow narrow = type.bits == 16 ? IntegerOp.Narrow.UNSIGNED : IntegerOp.Narrow.NO;
    return new IntegerOp(
        b.header(),
        IntegerOp.Kind.valueOf(name),
        narrow,
        type.bits == 16,
        slots[0],
        slots[1],
        slots[2],
        0,
        0);
  }

  private static void requireBits(Modifiers m, PtxType type) {
    if (type.kind != PtxType.Kind.BITS || type.bits < 16) {
      throw m.unsupported("expected .b16, .b32 or .b64");
    }
  }

  private static Instruction shift(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    boolean left = m.root().equals("shl");
    if (left) {
      requireBits(m, type);
    } else if (type.isFloat() || type.bits < 16) {
      throw m.unsupported("the type ." + type + " is not supported");
    }
    Decoder.count(b, o, 3, 3);
    int d = b.target(o.get(0), type);
    int x = b.source(o.get(1), type);
    int amount = b.source(o.get(2), PtxType.U32);
    String kind = left ? "SHL" : type.isSigned() ? "SHR_S" : "SHR_U";
    if (type.bits == 64) {
      return new LongOp(b.header(), LongOp.Kind.valueOf(kind), d, x, amount, 0);
    }
    IntegerOp.Narrow narrow =
        type.bits != 16
            ? IntegerOp.Narrow.NO
            : type.isSigned() ? IntegerOp.Narrow.SIGNED : IntegerOp.Narrow.UNSIGNED;
    return new IntegerOp(
        b.header(), IntegerOp.Kind.valueOf(kind), narrow, type.bits == 16, d, x, amount, 0, 0);
  }

  private static Instruction bits(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "lop3" -> {
        m.require("b32");
        m.finish();
        Decoder.count(b, o, 5, 5);
        int[] slots = operands(b, o.subList(0, 4), 3, PtxType.B32);
        if (!(o.get(4) instanceof Operand.Int table) || table.value() < 0 || table.value() > 255) {
          throw b.error("expected a table from 0 to 255, found " + o.get(4));
        }
        yield plain(b, IntegerOp.Kind.LOP3, slots, (int) table.value());
      }
      case "prmt" -> {
        m.require("b32");
        m.finish();
        yield plain(b, IntegerOp.Kind.PRMT, operands(b, o, 3, PtxType.B32), 0);
      }
      case "bfe" -> extract(b, m, o);
      case "bfi" -> insert(b, m, o);
      case "popc", "clz" -> countBits(b, m, o);
      case "bfind" -> {
        m.require("u32");
        m.finish();
        yield plain(b, IntegerOp.Kind.BFIND, operands(b, o, 1, PtxType.U32), 0);
      }
      case "brev" -> {
        m.require("b32");
        m.finish();
        yield plain(b, IntegerOp.Kind.BREV, operands(b, o, 1, PtxType.B32), 0);
      }
      case "shf" -> {
        boolean left = m.oneOf("l", "r").equals("l");
        boolean wrap = m.oneOf("wrap", "clamp").equals("wrap");
        m.require("b32");
        m.finish();
        String kind = "SHF_" + (left ? "L" : "R") + (wrap ? "_WRAP" : "_CLAMP");
        yield plain(b, IntegerOp.Kind.valueOf(kind), operands(b, o, 3, PtxType.B32), 0);
      }
      default -> throw m.unsupported("the instruction is not supported");
    };
  }

  private static Instruction plain(EntryBuilder b, IntegerOp.Kind kind, int[] slots, int fourth) {
    return new IntegerOp(
        b.header(),
        kind,
        IntegerOp.Narrow.NO,
        false,
        slots[0],
        slots[1],
        slots[2],
        slots[3],
        fourth);
  }

  private static Instruction extract(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    if (!type.isInteger() || type.bits != 32) {
      throw m.unsupported("expected .u32 or .s32");
    }
    Decoder.count(b, o, 4, 4);
    int d = b.target(o.get(0), type);
    int x = b.source(o.get(1), type);
    int position = b.source(o.get(2), PtxType.U32);
    int length = b.source(o.get(3), PtxType.U32);
    IntegerOp.Kind kind = type.isSigned() ? IntegerOp.Kind.BFE_S : IntegerOp.Kind.BFE_U;
    return plain(b, kind, new int[] {d, x, position, length}, 0);
  }

  private static Instruction insert(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("b32");
    m.finish();
    Decoder.count(b, o, 5, 5);
    int[] slots = operands(b, o.subList(0, 4), 3, PtxType.B32);
    return plain(b, IntegerOp.Kind.BFI, slots, b.source(o.get(4), PtxType.U32));
  }

  private static Instruction countBits(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    if (type != PtxType.B32 && type != PtxType.B64) {
      throw m.unsupported("expected .b32 or .b64");
    }
    Decoder.count(b, o, 2, 2);
    int d = b.target(o.get(0), PtxType.U32);
    int x = b.source(o.get(1), type);
    boolean population = m.root().equals("popc");
    return type == PtxType.B64
        ? new LongOp(b.header(), population ? LongOp.Kind.POPC : LongOp.Kind.CLZ, d, x, 0, 0)
        : plain(
            b, population ? IntegerOp.Kind.POPC : IntegerOp.Kind.CLZ, new int[] {d, x, 0, 0}, 0);
  }
}
