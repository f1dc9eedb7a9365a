package dev.attune.ptx.emulate;

/** Logic on predicates. */
final class PredicateOp extends Instruction {
  enum Kind {
    MOV,
    NOT,
    AND,
    OR,
    XOR
  }

  private final Kind kind;
  private final int d;
  private final int a;
  private final int b;

  PredicateOp(Header header, Kind kind, int d, int a, int b) {
    super(header);
    this.kind = kind;
    this.d = d;
    this.a = a;
    this.b = b;
  }

  @Override
  void execute(Warp warp, int mask) {
    int x = warp.predicate(a);
    int y = warp.predicate(b);
    warp.setPredicate(
        d,
        mask,
        switch (kind) {
          case MOV -> x;
          case NOT -> ~x;
          case AND -> x & y;
          case OR -> x | y;
          case XOR -> x ^ y;
        });
  }
}
