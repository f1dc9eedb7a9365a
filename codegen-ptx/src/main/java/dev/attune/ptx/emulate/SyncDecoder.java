package dev.attune.ptx.emulate;

import java.util.List;

/** Decodes branches, barriers, fences and exchanges within a warp. */
final class SyncDecoder {
  private SyncDecoder() {}

  static Instruction control(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "bra" -> branch(b, m, o);
      case "ret", "exit" -> {
        m.take("uni");
        plain(b, m, o);
        yield new Control.Exit(b.header());
      }
      case "trap" -> {
        plain(b, m, o);
        yield new Control.Trap(b.header());
      }
      case "nanosleep" -> {
        m.require("u32");
        m.finish();
        Decoder.count(b, o, 1, 1);
        b.source(o.get(0), PtxType.U32);
        yield new Control.Nothing(b.header());
      }
      case "membar", "fence" -> HopperDecoder.fence(b, m, o);
      default -> barrier(b, m, o);
    };
  }

  private static void plain(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.finish();
    Decoder.count(b, o, 0, 0);
  }

  private static Instruction branch(EntryBuilder b, Modifiers m, List<Operand> o) {
    boolean uniform = m.take("uni");
    m.finish();
    Decoder.count(b, o, 1, 1);
    if (!(o.get(0) instanceof Operand.Name name)) {
      throw b.error("expected a label, found " + o.get(0));
    }
    Control.Branch branch = new Control.Branch(b.header(), uniform);
    Scope scope = b.scope();
    int line = b.line();
    b.later(() -> branch.target(b.target(scope, name.text(), line)));
    return branch;
  }

  private static Instruction barrier(EntryBuilder b, Modifiers m, List<Operand> o) {
    boolean barrier = m.root().equals("barrier");
    if (m.take("warp")) {
      m.require("sync");
      m.finish();
      Decoder.count(b, o, 1, 1);
      int members = b.source(o.get(0), PtxType.B32);
      return new WarpCollective.Barrier(b.header(), members);
    }
    m.take("cta");
    boolean wait = m.oneOf("sync", "arrive").equals("sync");
    if (barrier) {
      m.take("aligned");
    }
    m.finish();
    Decoder.count(b, o, wait ? 1 : 2, 2);
    int id = b.source(o.get(0), PtxType.U32);
    int count = o.size() == 2 ? b.source(o.get(1), PtxType.U32) : -1;
    return new Control.Barrier(b.header(), wait, id, count);
  }

  static Instruction collective(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "shfl" -> shuffle(b, m, o);
      case "vote" -> vote(b, m, o);
      case "redux" -> reduce(b, m, o);
      default -> {
        m.require("b32");
        m.finish();
        Decoder.count(b, o, 1, 1);
        int d = b.target(o.get(0), PtxType.B32);
        yield new WarpCollective.ActiveMask(b.header(), d);
      }
    };
  }

  private static Instruction shuffle(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    WarpCollective.Shuffle.Exchange mode =
        switch (m.oneOf("up", "down", "bfly", "idx")) {
          case "up" -> WarpCollective.Shuffle.Exchange.UP;
          case "down" -> WarpCollective.Shuffle.Exchange.DOWN;
          case "bfly" -> WarpCollective.Shuffle.Exchange.BFLY;
          default -> WarpCollective.Shuffle.Exchange.IDX;
        };
    m.require("b32");
    m.finish();
    Decoder.count(b, o, 5, 5);
    int d;
    int inRange = -1;
    if (o.get(0) instanceof Operand.Pair pair) {
      d = b.target(pair.first(), PtxType.B32);
      inRange = b.targetPredicate(pair.second());
    } else {
      d = b.target(o.get(0), PtxType.B32);
    }
    int a = b.source(o.get(1), PtxType.B32);
    int lane = b.source(o.get(2), PtxType.B32);
    int clamp = b.source(o.get(3), PtxType.B32);
    int members = b.source(o.get(4), PtxType.B32);
    return new WarpCollective.Shuffle(b.header(), mode, d, inRange, a, lane, clamp, members);
  }

  private static Instruction vote(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    WarpCollective.Vote.Question mode =
        switch (m.oneOf("all", "any", "uni", "ballot")) {
          case "all" -> WarpCollective.Vote.Question.ALL;
          case "any" -> WarpCollective.Vote.Question.ANY;
          case "uni" -> WarpCollective.Vote.Question.UNI;
          default -> WarpCollective.Vote.Question.BALLOT;
        };
    boolean ballot = mode == WarpCollective.Vote.Question.BALLOT;
    m.require(ballot ? "b32" : "pred");
    m.finish();
    Decoder.count(b, o, 3, 3);
    int d = ballot ? b.target(o.get(0), PtxType.B32) : b.targetPredicate(o.get(0));
    int predicate = b.sourcePredicate(o.get(1));
    int members = b.source(o.get(2), PtxType.B32);
    return new WarpCollective.Vote(b.header(), mode, d, predicate, members);
  }

  private static Instruction reduce(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    String operation = m.oneOf("add", "min", "max", "and", "or", "xor");
    PtxType type = m.type();
    m.finish();
    boolean bitwise = List.of("and", "or", "xor").contains(operation);
    if (type.bits != 32 || (bitwise ? type != PtxType.B32 : !type.isInteger())) {
      throw m.unsupported("the type ." + type + " does not fit");
    }
    WarpCollective.Reduce.Kind kind =
        switch (operation) {
          case "add" -> WarpCollective.Reduce.Kind.ADD;
          case "min" ->
              type.isSigned() ? WarpCollective.Reduce.Kind.MIN_S : WarpCollective.Reduce.Kind.MIN_U;
          case "max" ->
              type.isSigned() ? WarpCollective.Reduce.Kind.MAX_S : WarpCollective.Reduce.Kind.MAX_U;
          case "and" -> WarpCollective.Reduce.Kind.AND;
          case "or" -> WarpCollective.Reduce.Kind.OR;
          default -> WarpCollective.Reduce.Kind.XOR;
        };
    Decoder.count(b, o, 3, 3);
    int d = b.target(o.get(0), type);
    int a = b.source(o.get(1), type);
    int members = b.source(o.get(2), PtxType.B32);
    return new WarpCollective.Reduce(b.header(), kind, d, a, members);
  }
}
