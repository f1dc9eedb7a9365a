package dev.attune.ptx.hopper;

import dev.attune.compiler.spec.CompareOp;
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
import dev.attune.ptx.select.Sequence;
import java.util.Optional;

/**
 * Code that turns the number of a work item into what it is, as {@code WorkOrder} defines: of all
 * items of a dense batch, or of those of one sequence or residue class.
 */
final class WorkItems {
  private final Emitter emit;
  private final KernelParameters parameters;
  private final ItemShape shape;
  private final Optional<Sequence> sequence;
  private final Operand keys;
  private final Operand tiles;
  private final Operand heads;
  private final Operand section;
  private final Operand missing;
  private final TileKernel.Order order;

  /** A work item in registers. */
  record Item(Sequence in, Reg head, Reg tile) {}

  /** The items of a dense batch. */
  static WorkItems dense(ItemShape shape, long sectionBytes) {
    KernelParameters p = shape.parameters();
    return new WorkItems(
        shape, sectionBytes, Optional.empty(), p.size(Extent.SQ), p.size(Extent.SKV));
  }

  /** The items of a sequence. */
  static WorkItems of(Sequence sequence, ItemShape shape, long sectionBytes) {
    return new WorkItems(
        shape, sectionBytes, Optional.of(sequence), sequence.queries(), sequence.keys());
  }

  private WorkItems(
      ItemShape shape,
      long sectionBytes,
      Optional<Sequence> sequence,
      Operand queries,
      Operand keys) {
    this.emit = shape.emit();
    this.parameters = shape.parameters();
    this.shape = shape;
    TileKernel kernel = shape.kernel();
    this.order = kernel.order();
    this.keys = keys;
    this.tiles = tiles(shape, queries);
    this.sequence = sequence;
    Operand each = parameters.size(shape.heads());
    this.heads =
        sequence.isPresent()
            ? each
            : emit.arith(IntOp.MUL, Ty.S32, parameters.size(Extent.B), each);
    this.section = section(kernel.headDim(), sectionBytes);
    this.missing = missing();
  }

  /** Heads that the first section has fewer than the others. */
  private Operand missing() {
    Operand less = emit.arith(IntOp.SUB, Ty.S32, section, new IntConst(1));
    Operand round = emit.arith(IntOp.ADD, Ty.S32, heads, less);
    Operand sections = emit.arith(IntOp.DIV, Ty.U32, round, section);
    Operand places = emit.arith(IntOp.MUL, Ty.S32, sections, section);
    return emit.arith(IntOp.SUB, Ty.S32, places, heads);
  }

  private static Operand tiles(ItemShape shape, Operand queries) {
    Emitter emit = shape.emit();
    Operand further = emit.arith(IntOp.SUB, Ty.S32, shape.positions(), new IntConst(1));
    Operand round = emit.arith(IntOp.ADD, Ty.S32, queries, further);
    return emit.arith(IntOp.DIV, Ty.U32, round, shape.positions());
  }

  /** How many items a sequence of so many queries has. */
  static Reg count(ItemShape shape, Operand queries) {
    Operand heads = shape.parameters().size(shape.heads());
    return (Reg) shape.emit().arith(IntOp.MUL, Ty.S32, tiles(shape, queries), heads);
  }

  /** Heads of a section: those of the largest power of two of kv heads that fit. */
  private Operand section(HeadDim dim, long sectionBytes) {
    Operand group = shape.perKvHead();
    long all = sectionBytes / (2L * (dim.qk() + dim.v()));
    if (all < 2) {
      return emit.reg(group, Reg.Kind.B32);
    }
    Operand some = emit.arith(IntOp.MAX, Ty.S32, keys, new IntConst(1));
    Operand fit = emit.arith(IntOp.DIV, Ty.U32, new IntConst(all), some);
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
    Operand absent = emit.arith(IntOp.MUL, Ty.S32, missing, tiles);
    Operand place = emit.arith(IntOp.ADD, Ty.S32, number, absent);
    Operand index = emit.arith(IntOp.DIV, Ty.U32, place, size);
    Operand full = emit.arith(IntOp.MUL, Ty.S32, index, section);
    Operand past = emit.arith(IntOp.SUB, Ty.S32, full, missing);
    Operand before = emit.arith(IntOp.MAX, Ty.S32, past, new IntConst(0));
    Reg isFirst = emit.compare(CompareOp.LT, Ty.S32, past, new IntConst(1));
    Operand fewer = emit.arith(IntOp.SUB, Ty.S32, section, missing);
    Operand width = emit.select(Reg.Kind.B32, isFirst, fewer, section);
    Operand begun = emit.arith(IntOp.MUL, Ty.S32, before, tiles);
    Operand within = emit.arith(IntOp.SUB, Ty.S32, number, begun);
    Operand nth = emit.arith(IntOp.DIV, Ty.U32, within, width);
    Operand skipped = emit.arith(IntOp.MUL, Ty.S32, nth, width);
    Operand inSection = emit.arith(IntOp.SUB, Ty.S32, within, skipped);
    Operand head = emit.arith(IntOp.ADD, Ty.S32, before, inSection);
    if (sequence.isPresent()) {
      return new Item(sequence.get(), (Reg) head, tile(nth));
    }
    Operand batch = emit.arith(IntOp.DIV, Ty.U32, head, parameters.size(shape.heads()));
    Operand first = emit.arith(IntOp.MUL, Ty.S32, batch, parameters.size(shape.heads()));
    Operand inBatch = emit.arith(IntOp.SUB, Ty.S32, head, first);
    return new Item(parameters.dense((Reg) batch), (Reg) inBatch, tile(nth));
  }

  private Reg tile(Operand nth) {
    return switch (order) {
      case ASCENDING -> (Reg) nth;
      case DESCENDING -> {
        Operand last = emit.arith(IntOp.SUB, Ty.S32, tiles, new IntConst(1));
        yield (Reg) emit.arith(IntOp.SUB, Ty.S32, last, nth);
      }
    };
  }
}
