package dev.attune.ptx.emulate;

import java.util.List;

/** Decodes what touches memory, and the matrix instructions. */
final class MemoryDecoder {
  private MemoryDecoder() {}

  static Instruction decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "ld" -> m.take("param") ? parameter(b, m, o) : access(b, m, o, true);
      case "st" -> access(b, m, o, false);
      case "atom", "red" -> atomic(b, m, o);
      case "cp" -> copy(b, m, o);
      case "ldmatrix" -> loadMatrix(b, m, o);
      case "mma" -> multiply(b, m, o);
      default -> convertAddress(b, m, o);
    };
  }

  /** Registers may be wider than the value, never narrower. */
  private static Symbol.Register wideEnough(
      EntryBuilder b, Symbol.Register register, PtxType type) {
    int least = Math.max(type.bits, 16);
    if (register.type().bits < least
        || (type.isFloat() && register.type().bits != type.bits)
        || (type.isInteger() && register.type().isFloat())) {
      throw b.error(
          "'" + register.name() + "' is ." + register.type() + ", which does not fit ." + type);
    }
    return register;
  }

  private static Instruction parameter(EntryBuilder b, Modifiers m, List<Operand> o) {
    PtxType type = m.type();
    m.finish();
    Decoder.count(b, o, 2, 2);
    Symbol.Register d = wideEnough(b, b.targetRegister(o.get(0)), type);
    Operand.Address address = Decoder.address(b, o.get(1));
    if (!(address.base() instanceof Operand.Name name)
        || !(b.scope().symbol(name.text()) instanceof Symbol.Parameter parameter)) {
      throw b.error("expected the address of a parameter, found " + address);
    }
    EntryParameter p = parameter.parameter();
    long offset = address.offset();
    if (offset < 0
        || offset + type.bytes() > p.size()
        || (p.offset() + offset) % type.bytes() != 0) {
      throw b.error("the access does not lie in parameter '" + p.name() + "' or is misaligned");
    }
    return new LoadParameter(
        b.header(),
        d.slot() * 32,
        d.type().bits == 64,
        p.offset() + (int) offset,
        type.bytes(),
        type.isSigned());
  }

  private static Instruction access(EntryBuilder b, Modifiers m, List<Operand> o, boolean load) {
    m.take("volatile");
    boolean shared = m.oneOf("global", "shared", "shared::cta").startsWith("shared");
    if (load && !shared) {
      m.take("nc");
    }
    cacheHints(m, load);
    int count = m.take("v2") ? 2 : m.take("v4") ? 4 : 1;
    PtxType type = m.type();
    m.finish();
    if (type.bits < 8 || type.bytes() * count > 16) {
      throw m.unsupported("an access of this width is not supported");
    }
    Decoder.count(b, o, 2, 2);
    Operand value = o.get(load ? 0 : 1);
    List<Operand> elements = List.of(value);
    if (count > 1) {
      if (!(value instanceof Operand.Vector vector) || vector.elements().size() != count) {
        throw b.error("expected " + count + " registers in braces, found " + value);
      }
      elements = vector.elements();
    }
    int[] offsets = new int[count];
    boolean wide = false;
    for (int i = 0; i < count; i++) {
      Operand element = elements.get(i);
      if (load && b.isSink(element)) {
        offsets[i] = -1;
      } else if (!load && !b.isRegister(element)) {
        offsets[i] = b.source(element, type);
        wide = type.bits == 64;
      } else {
        Symbol.Register register =
            wideEnough(b, load ? b.targetRegister(element) : b.sourceRegister(element), type);
        offsets[i] = register.slot() * 32;
        if (i > 0 && wide != (register.type().bits == 64)) {
          throw b.error("the registers of a vector must have one width");
        }
        wide = register.type().bits == 64;
      }
    }
    Operand.Address address = Decoder.address(b, o.get(load ? 1 : 0));
    int base = base(b, address, shared);
    if (shared) {
      b.sharedAccess(type.bytes() * count);
    }
    return new Access(
        b.header(),
        load,
        shared,
        type.bytes(),
        type.isSigned(),
        offsets,
        wide,
        base,
        address.offset());
  }

  private static void cacheHints(Modifiers m, boolean load) {
    for (String hint :
        load ? List.of("ca", "cg", "cs", "lu", "cv") : List.of("wb", "cg", "cs", "wt")) {
      if (m.take(hint)) {
        break;
      }
    }
    m.take("L1::no_allocate");
    for (String hint : List.of("L2::64B", "L2::128B", "L2::256B")) {
      m.take(hint);
    }
  }

  private static int base(EntryBuilder b, Operand.Address address, boolean shared) {
    if (shared && address.offset() != (int) address.offset()) {
      throw b.error("the offset does not fit shared memory");
    }
    return b.source(address.base(), shared ? PtxType.U32 : PtxType.U64);
  }

  private static Instruction atomic(EntryBuilder b, Modifiers m, List<Operand> o) {
    boolean red = m.root().equals("red");
    m.take("relaxed");
    for (String scope : List.of("cta", "gpu")) {
      m.take(scope);
    }
    m.require("global");
    boolean increment = m.oneOf("add", "inc").equals("inc");
    PtxType type = m.type();
    m.finish();
    if (type != PtxType.U32 && (increment || (type != PtxType.S32 && type != PtxType.F32))) {
      throw m.unsupported("only .u32, and for add .s32 and .f32, are supported");
    }
    Decoder.count(b, o, red ? 2 : 3, red ? 2 : 3);
    int first = red ? 0 : 1;
    int d = red ? -1 : b.target(o.get(0), type);
    Operand.Address address = Decoder.address(b, o.get(first));
    int base = base(b, address, false);
    int value = b.source(o.get(first + 1), type);
    Atomic.Kind kind =
        increment ? Atomic.Kind.INC : type == PtxType.F32 ? Atomic.Kind.ADD_FLOAT : Atomic.Kind.ADD;
    return new Atomic(b.header(), kind, d, base, address.offset(), value);
  }

  private static Instruction copy(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("async");
    if (m.take("bulk")) {
      return HopperDecoder.bulk(b, m, o);
    }
    if (m.take("commit_group")) {
      m.finish();
      Decoder.count(b, o, 0, 0);
      return new CopyAsync.Commit(b.header());
    }
    if (m.take("wait_all")) {
      m.finish();
      Decoder.count(b, o, 0, 0);
      return new CopyAsync.Wait(b.header(), -1);
    }
    if (m.take("wait_group")) {
      m.finish();
      Decoder.count(b, o, 1, 1);
      return new CopyAsync.Wait(b.header(), constant(b, o.get(0)));
    }
    boolean bypass = m.oneOf("ca", "cg").equals("cg");
    m.oneOf("shared", "shared::cta");
    m.require("global");
    for (String hint : List.of("L2::64B", "L2::128B", "L2::256B")) {
      m.take(hint);
    }
    m.finish();
    Decoder.count(b, o, 3, 4);
    int bytes = constant(b, o.get(2));
    if (bypass ? bytes != 16 : bytes != 4 && bytes != 8 && bytes != 16) {
      throw b.error("cp.async copies 4, 8 or 16 bytes, .cg only 16; found " + bytes);
    }
    Operand.Address to = Decoder.address(b, o.get(0));
    Operand.Address from = Decoder.address(b, o.get(1));
    int toBase = base(b, to, true);
    int fromBase = base(b, from, false);
    int copied = o.size() == 4 ? b.source(o.get(3), PtxType.U32) : -1;
    b.sharedAccess(bytes);
    return new CopyAsync.Issue(
        b.header(), toBase, (int) to.offset(), fromBase, from.offset(), bytes, copied);
  }

  static int constant(EntryBuilder b, Operand operand) {
    if (operand instanceof Operand.Int value && value.value() >= 0 && value.value() < 1 << 16) {
      return (int) value.value();
    }
    throw b.error("expected a small constant, found " + operand);
  }

  private static Instruction loadMatrix(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    m.require("aligned");
    m.require("m8n8");
    int count =
        switch (m.oneOf("x1", "x2", "x4")) {
          case "x1" -> 1;
          case "x2" -> 2;
          default -> 4;
        };
    boolean transposed = m.take("trans");
    m.oneOf("shared", "shared::cta");
    m.require("b16");
    m.finish();
    Decoder.count(b, o, 2, 2);
    int[] d =
        count == 1 && !(o.get(0) instanceof Operand.Vector)
            ? new int[] {b.target(o.get(0), PtxType.B32)}
            : Decoder.vector(b, o.get(0), count, PtxType.B32, true);
    Operand.Address address = Decoder.address(b, o.get(1));
    int base = base(b, address, true);
    b.sharedAccess(16);
    return new LoadMatrix(b.header(), d, transposed, base, (int) address.offset());
  }

  private static Instruction multiply(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    m.require("aligned");
    int k = m.oneOf("m16n8k16", "m16n8k8").equals("m16n8k16") ? 16 : 8;
    m.require("row");
    m.require("col");
    m.require("f32");
    String type = m.oneOf("bf16", "f16");
    m.require(type);
    m.require("f32");
    m.finish();
    Decoder.count(b, o, 4, 4);
    int[] d = Decoder.vector(b, o.get(0), 4, PtxType.F32, true);
    int[] a = Decoder.vector(b, o.get(1), k / 4, PtxType.B32, false);
    int[] right = Decoder.vector(b, o.get(2), k / 8, PtxType.B32, false);
    int[] c = Decoder.vector(b, o.get(3), 4, PtxType.F32, false);
    return new MatrixMultiply(b.header(), d, a, right, c, type.equals("bf16"));
  }

  /**
   * Generic addresses of global memory are global addresses; those of shared memory are refused.
   * Those of parameters are set apart.
   */
  private static Instruction convertAddress(EntryBuilder b, Modifiers m, List<Operand> o) {
    boolean to = m.take("to");
    String space = m.oneOf("global", "shared", "param");
    m.require("u64");
    m.finish();
    if (space.equals("shared") || (to && space.equals("param"))) {
      throw m.unsupported("such generic addresses are not supported");
    }
    Decoder.count(b, o, 2, 2);
    int d = b.target(o.get(0), PtxType.U64);
    int a = b.source(o.get(1), PtxType.U64);
    if (space.equals("param")) {
      int first = b.longConstant(BulkCopy.PARAMETERS);
      return new LongOp(b.header(), LongOp.Kind.ADD, d, a, first, 0);
    }
    return new LongOp(b.header(), LongOp.Kind.MOV, d, a, to ? 0 : a, 0);
  }
}
