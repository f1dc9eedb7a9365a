package dev.attune.ptx.hopper;

import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.KernelParameters;

/** Code that turns the number of a work item into what it is, as {@code WorkOrder} defines. */
final class WorkItems {
  private final Emitter emit;
  private final KernelParameters parameters;
  private final ItemShape shape;
  private final Operand tiles;
  private final Operand heads;
  private final Operand section;
  private final TileKernel.Order order;

  /** A work item in registers. */
  record Item(Reg batch, Reg head, Reg tile) {}

  WorkItems(ItemShape shape, long sectionBytes) {
    this.emit = shape.emit();
    this.parameters = shape.parameters();
    this.shape = shape;
    TileKernel kernel = shape.kernel();
    this.order = kernel.order();
    Operand further = emit.arith(IntOp.SUB, Ty.S32, shape.positions(), new IntConst(1));
    Operand round = emit.arith(IntOp.ADD, Ty.S32, parameters.size(Extent.SQ), further);
    this.tiles = emit.arith(IntOp.DIV, Ty.U32, round, shape.positions());
    this.heads =
        emit.arith(IntOp.MUL, Ty.S32, parameters.size(Extent.B), parameters.size(shape.heads()));
    this.section = section(kernel.headDim(), sectionBytes);
  }

  /** Heads of a section: those of the largest power of two of kv heads that fit. */
  private Operand section(HeadDim dim, long sectionBytes) {
    Operand group = shape.perKvHead();
    long keys = sectionBytes / (2L * (dim.qk() + dim.v()));
    if (keys < 2) {
      return emit.reg(group, Reg.Kind.B32);
    }
    Operand some = emit.arith(IntOp.MAX, Ty.S32, parameters.size(Extent.SKV), new IntConst(1));
    Operand fit = emit.arith(IntOp.DIV, Ty.U32, new IntConst(keys), some);
    Operand least = emit.arith(IntOp.MAX, Ty.S32, fit, new IntConst(1));
    Reg bit = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.HighestBit(bit, least));
    Operand power = emit.arith(IntOp.SHL, Ty.B32, new IntConst(1), bit);
    // No more than there are, so that the items of a section can be counted in 32 bits.
    Operand fitting = emit.arith(IntOp.MUL, Ty.S32, power, group);
    return emit.arith(IntOp.MIN, Ty.S32, fitting, heads);
  }

  /** How many items there are. */
  Reg count() {
    return (Reg) emit.arith(IntOp.MUL, Ty.S32, tiles, heads);
  }

  /** The item of a number. */
  Item item(Reg number) {
    Operand size = emit.arith(IntOp.MUL, Ty.S32, section, tiles);
    Operand index = emit.arith(IntOp.DIV, Ty.U32, number, size);
    Operand before = emit.arith(IntOp.MUL, Ty.S32, index, section);
    Operand left = emit.arith(IntOp.SUB, Ty.S32, heads, before);
    Operand width = emit.arith(IntOp.MIN, Ty.S32, section, left);
    Operand begun = emit.arith(IntOp.MUL, Ty.S32, index, size);
    Operand within = emit.arith(IntOp.SUB, Ty.S32, number, begun);
    Operand nth = emit.arith(IntOp.DIV, Ty.U32, within, width);
    Operand skipped = emit.arith(IntOp.MUL, Ty.S32, nth, width);
    Operand inSection = emit.arith(IntOp.SUB, Ty.S32, within, skipped);
    Operand head = emit.arith(IntOp.ADD, Ty.S32, before, inSection);
    Operand batch = emit.arith(IntOp.DIV, Ty.U32, head, parameters.size(shape.heads()));
    Operand first = emit.arith(IntOp.MUL, Ty.S32, batch, parameters.size(shape.heads()));
    Operand inBatch = emit.arith(IntOp.SUB, Ty.S32, head, first);
    Operand tile =
        switch (order) {
          case ASCENDING -> nth;
          case DESCENDING -> {
            Operand last = emit.arith(IntOp.SUB, Ty.S32, tiles, new IntConst(1));
            yield emit.arith(IntOp.SUB, Ty.S32, last, nth);
          }
        };
    return new Item((Reg) batch, (Reg) inBatch, (Reg) tile);
  }
}
