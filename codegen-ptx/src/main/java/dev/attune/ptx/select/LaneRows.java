package dev.attune.ptx.select;

import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import java.util.List;

/** Which query positions, of which query heads, the rows that a lane holds are. */
public sealed interface LaneRows {

  /** How many rows. */
  int count();

  /** The position of a row, which may lie past the end. */
  IntVal position(int r);

  /** The query head of a row. */
  Reg head(int r);

  /** How far before the end of the queries a row is; 0 or less for one that is not to be stored. */
  IntVal left(Emitter emit, Operand queries, int r);

  /**
   * Rows of one head, 8 positions apart.
   *
   * @param first the position of the first
   */
  record OneHead(Reg head, Reg first, int count) implements LaneRows {
    @Override
    public IntVal position(int r) {
      return IntVal.of(first).plus(8L * r);
    }

    @Override
    public Reg head(int r) {
      return head;
    }

    @Override
    public IntVal left(Emitter emit, Operand queries, int r) {
      var left = emit.arith(IntOp.SUB, Ty.S32, queries, first);
      return IntVal.of((Reg) left).plus(-8L * r);
    }
  }

  /**
   * Rows of an item of several heads.
   *
   * @param rest how many rows of the item from each row on are not idle: 0 or less for an idle one
   */
  record Packed(List<Reg> positions, List<Reg> heads, List<Reg> rest) implements LaneRows {
    public Packed {
      positions = List.copyOf(positions);
      heads = List.copyOf(heads);
      rest = List.copyOf(rest);
    }

    @Override
    public int count() {
      return positions.size();
    }

    @Override
    public IntVal position(int r) {
      return IntVal.of(positions.get(r));
    }

    @Override
    public Reg head(int r) {
      return heads.get(r);
    }

    @Override
    public IntVal left(Emitter emit, Operand queries, int r) {
      var left = emit.arith(IntOp.SUB, Ty.S32, queries, positions.get(r));
      return IntVal.of((Reg) emit.arith(IntOp.MIN, Ty.S32, left, rest.get(r)));
    }
  }
}
