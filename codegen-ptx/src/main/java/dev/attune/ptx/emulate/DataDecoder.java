package dev.attune.ptx.emulate;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Decodes moves, comparisons, selections and conversions. */
final class DataDecoder {
  private DataDecoder() {}

  static Instruction decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "mov" -> move(b, m, o);
      case "setp" -> compare(b, m, o);
      case "selp" -> select(b, m, o);
      default -> convert(b, m, o);
    };
  }

  private static Instruction move(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    Decoder.count(b, o, 2, 2);
    if (type == PtxType.PRED) {
      int d = b.targetPredicate(o.get(0));
      int a = b.sourcePredicate(o.get(1));
      return new PredicateOp(b.header(), PredicateOp.Kind.MOV, d, a, a);
    }
    if (o.get(0) instanceof Operand.Vector || o.get(1) instanceof Operand.Vector) {
      return pack(b, o, type);
    }
    int d = b.target(o.get(0), type);
    int a = b.source(o.get(1), type);
    return type.bits == 64
        ? new LongOp(b.header(), LongOp.Kind.MOV, d, a, 0, 0)
        : new IntegerOp(b.header(), IntegerOp.Kind.MOV, IntegerOp.Narrow.NO, false, d, a, 0, 0, 0);
  }

  private static Instruction pack(EntryBuilder b, List<Operand> o, PtxType type) {
    boolean pack = o.get(1) instanceof Operand.Vector;
    if (!(o.get(pack ? 1 : 0) instanceof Operand.Vector vector) || type.kind != PtxType.Kind.BITS) {
      throw b.error("expected one vector and a type .b32 or .b64");
    }
    int count = vector.elements().size();
    PtxType part =
        switch (type.bits / count) {
          case 16 -> PtxType.B16;
          case 32 -> PtxType.B32;
          default -> throw b.error("expected parts of 16 or 32 bits");
        };
    if (part.bits * count != type.bits || count < 2) {
      throw b.error("expected parts of 16 or 32 bits that make up ." + type);
    }
    Operand other = o.get(pack ? 0 : 1);
    int whole = pack ? b.target(other, type) : b.source(other, type);
    int[] parts = new int[count];
    for (int i = 0; i < count; i++) {
      Operand element = vector.elements().get(i);
      parts[i] = pack ? b.source(element, part) : b.isSink(element) ? -1 : b.target(element, part);
    }
    return new Pack(b.header(), pack, whole, type.bits == 64, parts, part.bits);
  }

  private static Instruction compare(EntryBuilder b, Modifiers m, List<Operand> o) {
    String relation =
        m.oneOf(
            "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu",
            "gtu", "geu", "num", "nan");
    Compare.@Nullable Combine combine = null;
    for (Compare.Combine candidate : Compare.Combine.values()) {
      if (combine == null && m.take(candidate.name().toLowerCase(Locale.ROOT))) {
        combine = candidate;
      }
    }
    boolean flush = m.take("ftz");
    PtxType type = m.type();
    m.finish();
    if (flush && type != PtxType.F32) {
      throw m.unsupported(".ftz needs .f32");
    }
    boolean bits = type.kind == PtxType.Kind.BITS;
    if (bits && !relation.equals("eq") && !relation.equals("ne")) {
      throw m.unsupported("bits compare only for equality");
    }
    Compare.Domain domain =
        switch (type) {
          case S16 -> Compare.Domain.S16;
          case U16, B16 -> Compare.Domain.U16;
          case S32 -> Compare.Domain.S32;
          case U32, B32 -> Compare.Domain.U32;
          case S64 -> Compare.Domain.S64;
          case U64, B64 -> Compare.Domain.U64;
          case F32 -> Compare.Domain.F32;
          default -> throw m.unsupported("comparing ." + type + " is not supported");
        };
    Compare.Relation meaning = relation(m, relation, type);
    Decoder.count(b, o, combine == null ? 3 : 4, combine == null ? 3 : 4);
    int d;
    int complement = -1;
    if (o.get(0) instanceof Operand.Pair pair) {
      d = b.isSink(pair.first()) ? -1 : b.targetPredicate(pair.first());
      complement = b.isSink(pair.second()) ? -1 : b.targetPredicate(pair.second());
    } else {
      d = b.targetPredicate(o.get(0));
    }
    int x = b.source(o.get(1), type);
    int y = b.source(o.get(2), type);
    int with = combine == null ? 0 : b.sourcePredicate(o.get(3));
    return new Compare(b.header(), domain, meaning, combine, flush, d, complement, x, y, with);
  }

  private static Compare.Relation relation(Modifiers m, String text, PtxType type) {
    String name =
        switch (text) {
          case "lo" -> "LT";
          case "ls" -> "LE";
          case "hi" -> "GT";
          case "hs" -> "GE";
          default -> text.toUpperCase(Locale.ROOT);
        };
    boolean onlyUnsigned = List.of("lo", "ls", "hi", "hs").contains(text);
    Compare.Relation relation = Compare.Relation.valueOf(name);
    boolean onlyFloat = relation.compareTo(Compare.Relation.EQU) >= 0;
    if ((onlyUnsigned && type.kind != PtxType.Kind.UNSIGNED) || (onlyFloat && !type.isFloat())) {
      throw m.unsupported("." + text + " does not fit ." + type);
    }
    return relation;
  }

  private static Instruction select(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    if (type.bits < 16 || type == PtxType.F64) {
      throw m.unsupported("selecting ." + type + " is not supported");
    }
    Decoder.count(b, o, 4, 4);
    int d = b.target(o.get(0), type);
    int x = b.source(o.get(1), type);
    int y = b.source(o.get(2), type);
    int predicate = b.sourcePredicate(o.get(3));
    return new Select(b.header(), type.bits == 64, d, x, y, predicate);
  }

  private static Instruction convert(EntryBuilder b, Modifiers m, List<Operand> o) {
    Convert.Rounding rounding = Convert.Rounding.NONE;
    for (Convert.Rounding candidate : Convert.Rounding.values()) {
      if (m.take(candidate.name().toLowerCase(Locale.ROOT))) {
        rounding = candidate;
        break;
      }
    }
    boolean flush = m.take("ftz");
    boolean saturate = m.take("sat");
    boolean relu = m.take("relu");
    PtxType to = m.type();
    PtxType from = m.type();
    m.finish();
    boolean pair = to == PtxType.F16X2 || to == PtxType.BF16X2;
    checkConversion(m, to, from, rounding, flush, saturate, relu, pair);
    Decoder.count(b, o, pair ? 3 : 2, pair ? 3 : 2);
    if (pair) {
      int d = b.target(o.get(0), PtxType.B32);
      int high = b.source(o.get(1), PtxType.F32);
      int low = b.source(o.get(2), PtxType.F32);
      return new Convert(
          b.header(), to, from, rounding, flush, saturate, relu, d, false, high, false, low, -1);
    }
    Symbol.Register d = b.targetRegister(o.get(0));
    checkRegister(b, d, to);
    int a;
    boolean wideSource;
    if (b.isRegister(o.get(1))) {
      Symbol.Register source = b.sourceRegister(o.get(1));
      checkRegister(b, source, from);
      a = source.slot() * 32;
      wideSource = source.type().bits == 64;
    } else {
      a = b.source(o.get(1), from);
      wideSource = from.bits == 64;
    }
    return new Convert(
        b.header(),
        to,
        from,
        rounding,
        flush,
        saturate,
        relu,
        d.slot() * 32,
        d.type().bits == 64,
        a,
        wideSource,
        -1,
        d.type().bits == 16 ? 0xFFFF : -1);
  }

  /** Integers may sit in wider registers; floats need registers of their width. */
  private static void checkRegister(EntryBuilder b, Symbol.Register register, PtxType type) {
    PtxType found = register.type();
    boolean fits =
        type.isFloat()
            ? found.bits == type.bits && (found == type || found.kind == PtxType.Kind.BITS)
            : found.bits >= type.bits && !found.isFloat() && found != PtxType.PRED;
    if (!fits) {
      throw b.error("'" + register.name() + "' is ." + found + ", which does not fit ." + type);
    }
  }

  private static void checkConversion(
      Modifiers m,
      PtxType to,
      PtxType from,
      Convert.Rounding rounding,
      boolean flush,
      boolean saturate,
      boolean relu,
      boolean pair) {
    boolean known = known(to) && known(from) && from.bits != 1 && from != PtxType.F64;
    if (pair ? from != PtxType.F32 : !known) {
      throw m.unsupported("converting ." + from + " to ." + to + " is not supported");
    }
    boolean halfTarget = pair || to == PtxType.F16 || to == PtxType.BF16;
    boolean allowed;
    if (halfTarget && from == PtxType.F32) {
      allowed = rounding == Convert.Rounding.RN || rounding == Convert.Rounding.RZ;
    } else if (halfTarget) {
      allowed = rounding == Convert.Rounding.RN && from.isInteger() && to == PtxType.F16;
    } else if (to == PtxType.F32 && from.isInteger()) {
      allowed =
          rounding.compareTo(Convert.Rounding.RN) >= 0
              && rounding.compareTo(Convert.Rounding.RP) <= 0;
    } else if (from.isFloat() && to.isInteger()) {
      allowed = rounding.compareTo(Convert.Rounding.RNI) >= 0;
    } else if (to == PtxType.F32 && from == PtxType.F32) {
      allowed = rounding.compareTo(Convert.Rounding.RNI) >= 0;
    } else {
      allowed = rounding == Convert.Rounding.NONE;
    }
    if (!allowed) {
      throw m.unsupported("the rounding does not fit ." + to + " from ." + from);
    }
    if (flush && to != PtxType.F32 && from != PtxType.F32) {
      throw m.unsupported(".ftz needs .f32");
    }
    if (relu && !halfTarget) {
      throw m.unsupported(".relu needs a 16-bit float destination");
    }
    if (saturate && halfTarget) {
      throw m.unsupported(".sat does not fit ." + to);
    }
  }

  private static boolean known(PtxType type) {
    return type.isInteger() || type == PtxType.F32 || type == PtxType.F16 || type == PtxType.BF16;
  }
}
