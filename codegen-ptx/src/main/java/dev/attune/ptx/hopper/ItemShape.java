package dev.attune.ptx.hopper;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Env;
import dev.attune.ptx.select.KernelParameters;
import dev.attune.ptx.select.LaneRows;
import dev.attune.ptx.select.Sequence;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How a kernel's items cut the rows of a problem up: by query head, or, packed, by key/value head.
 *
 * @param positions query positions of an item
 */
record ItemShape(Emitter emit, KernelParameters parameters, TileKernel kernel, Operand positions) {

  /** Emits what the items of a launch have in common. */
  static ItemShape emit(Emitter emit, KernelParameters parameters, TileKernel kernel) {
    IntConst rows = new IntConst(kernel.rows());
    Operand positions =
        kernel.packed() ? emit.arith(IntOp.DIV, Ty.U32, rows, parameters.size(Extent.GROUP)) : rows;
    return new ItemShape(emit, parameters, kernel, positions);
  }

  /** The heads that items are of. */
  Extent heads() {
    return kernel.packed() ? Extent.HKV : Extent.HQ;
  }

  /** Items of one head's heads for each key/value head. */
  Operand perKvHead() {
    return kernel.packed() ? new IntConst(1) : parameters.size(Extent.GROUP);
  }

  /** The first query position of an item's tile. */
  Reg first(Reg tile) {
    return (Reg) emit.arith(IntOp.MUL, Ty.S32, tile, positions);
  }

  /** The key/value head of an item's head. */
  Reg kvHead(Reg head) {
    return kernel.packed()
        ? head
        : (Reg) emit.arith(IntOp.DIV, Ty.U32, head, parameters.size(Extent.GROUP));
  }

  /** The position of a row, {@code row + more}, of an item that starts at {@code first}. */
  private Operand position(Reg first, Operand row, long more) {
    if (!kernel.packed()) {
      var from = emit.arith(IntOp.ADD, Ty.S32, first, row);
      return emit.arith(IntOp.ADD, Ty.S32, from, new IntConst(more));
    }
    var inItem = emit.arith(IntOp.ADD, Ty.S32, row, new IntConst(more));
    return emit.arith(IntOp.ADD, Ty.S32, first, further(inItem));
  }

  /** How many positions after the first a row of a packed item is. */
  private Operand further(Operand row) {
    return emit.arith(IntOp.DIV, Ty.U32, row, parameters.size(Extent.GROUP));
  }

  /** A position, or the last of the sequence. */
  private Reg inside(Operand position, Sequence in) {
    var end = emit.arith(IntOp.SUB, Ty.S32, in.queries(), new IntConst(1));
    return (Reg) emit.arith(IntOp.MIN, Ty.S32, position, end);
  }

  /** The variables of an item's rows. */
  Map<Expr.Var, Reg> variables(Reg first, Sequence in) {
    Operand last = emit.arith(IntOp.SUB, Ty.S32, positions, new IntConst(1));
    Reg lastInside = inside(emit.arith(IntOp.ADD, Ty.S32, first, last), in);
    Map<Expr.Var, Reg> all = new HashMap<>();
    all.put(TileKernel.Q_FIRST, first);
    all.put(TileKernel.Q_LAST, lastInside);
    if (in.residue() != null) {
      all.put(Residues.RESIDUE, in.residue());
      all.put(Residues.QUERIES, (Reg) parameters.size(Extent.SQ));
      all.put(Residues.KEYS, (Reg) parameters.size(Extent.SKV));
    }
    return all;
  }

  /** The variables of an item's rows, and of those of the warpgroup that start at one of them. */
  Map<Expr.Var, Reg> variables(Reg first, Reg groupRow, Sequence in) {
    Operand from = position(first, groupRow, 0);
    Map<Expr.Var, Reg> all = variables(first, in);
    all.put(TileKernel.ROLE_FIRST, inside(from, in));
    Operand to = position(first, groupRow, HopperLayout.GROUP_ROWS - 1L);
    all.put(TileKernel.ROLE_LAST, inside(to, in));
    return all;
  }

  /** Where the expressions of an item find what is uniform. */
  Env env(Sequence in, Reg head, Map<Expr.Var, Reg> variables) {
    return kernel.packed()
        ? parameters.env(in, null, head, variables)
        : parameters.env(in, head, kvHead(head), variables);
  }

  /**
   * Which rows of an item a lane holds, whatever the item.
   *
   * @param row the first of two, 8 apart
   */
  Lane lane(Reg row) {
    if (!kernel.packed()) {
      return (first, head) ->
          new LaneRows.OneHead(head, (Reg) emit.arith(IntOp.ADD, Ty.S32, first, row), 2);
    }
    Operand group = parameters.size(Extent.GROUP);
    Operand used = emit.arith(IntOp.MUL, Ty.S32, positions, group);
    List<Operand> further = new ArrayList<>();
    List<Operand> heads = new ArrayList<>();
    List<Reg> rest = new ArrayList<>();
    for (long distance : List.of(0L, 8L)) {
      Operand mine = emit.arith(IntOp.ADD, Ty.S32, row, new IntConst(distance));
      Operand position = further(mine);
      Operand before = emit.arith(IntOp.MUL, Ty.S32, position, group);
      further.add(position);
      heads.add(emit.arith(IntOp.SUB, Ty.S32, mine, before));
      rest.add((Reg) emit.arith(IntOp.SUB, Ty.S32, used, mine));
    }
    return (first, head) -> {
      Operand firstHead = emit.arith(IntOp.MUL, Ty.S32, head, group);
      return new LaneRows.Packed(
          further.stream().map(f -> (Reg) emit.arith(IntOp.ADD, Ty.S32, f, first)).toList(),
          heads.stream().map(h -> (Reg) emit.arith(IntOp.ADD, Ty.S32, h, firstHead)).toList(),
          rest);
    };
  }

  /** A lane's rows of the item that starts at a position of a head. */
  interface Lane {
    LaneRows of(Reg first, Reg head);
  }
}
