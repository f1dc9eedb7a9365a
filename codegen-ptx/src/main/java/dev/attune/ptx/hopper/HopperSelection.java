package dev.attune.ptx.hopper;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.schedule.Schedule.Hopper.Output;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.tile.Op;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.MemTy;
import dev.attune.ptx.Inst.Space;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Liveness;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.PtxKernel;
import dev.attune.ptx.Reg;
import dev.attune.ptx.artifact.Parameter.Form;
import dev.attune.ptx.artifact.Parameter.Role;
import dev.attune.ptx.select.Emitter;
import dev.attune.ptx.select.Env;
import dev.attune.ptx.select.KernelParameters;
import dev.attune.ptx.select.Sequence;
import dev.attune.ptx.select.TileTests;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Instructions for a tile kernel of roles: what all warpgroups do first, then the code of each
 * role.
 */
public final class HopperSelection {
  private static final List<Operand> LOADED = List.of(Operand.Q, Operand.K, Operand.V);

  private final TileKernel kernel;
  private final Schedule.Hopper schedule;
  private final Target target;
  private final HopperLayout layout;
  private final Emitter emit = new Emitter();

  private HopperSelection(TileKernel kernel, Schedule.Hopper schedule, Target target) {
    this.kernel = kernel;
    this.schedule = schedule;
    this.target = target;
    this.layout = HopperLayout.of(kernel.headDim(), schedule, form() == Form.SEQUENCES);
  }

  /** The PTX of a kernel for a target. */
  public static PtxKernel select(
      TileKernel kernel, Schedule.Hopper schedule, Target target, String entry) {
    return new HopperSelection(kernel, schedule, target).run(entry);
  }

  private PtxKernel run(String entry) {
    if (kernel.body().size() != 1
        || !(kernel.body().getFirst() instanceof Op.Roles roles)
        || roles.roles().size() != 2) {
      throw new IllegalStateException("expected a producer and a consumer role");
    }
    emit.operation("prologue");
    KernelParameters parameters = KernelParameters.mapped(emit, kernel, maps());
    Reg thread = special(Inst.Special.TID_X);
    Reg group = emit.fresh(Reg.Kind.B32);
    // Warp-uniform by a shuffle: the branch on it then is.
    emit.add(new Inst.ShflIdx(group, emit.arith(IntOp.SHR, Ty.S32, thread, new IntConst(7)), 0));
    Reg shared = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.SharedBase(shared));
    if (kernel.packed()) {
      clear(parameters.boxBytes(Operand.Q), thread, shared);
    }
    initialise(thread, shared);
    String consumer = emit.label("consumer");
    Reg consumes = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.NE, Ty.S32, consumes, group, new IntConst(0)));
    emit.add(new Inst.Guarded(consumes, false, new Inst.Bra(consumer, true)));
    Context context =
        new Context(emit, kernel, schedule, layout, parameters, thread, group, shared);
    emit.operation("role " + roles.roles().get(0).name());
    int start = emit.code().size();
    emit.scope(() -> new ProducerCode(context, roles.roles().get(0)).emit());
    // What the producer keeps is known once its code is there.
    Registers registers =
        Registers.of(
            schedule,
            Liveness.most(emit.code().subList(start, emit.code().size())),
            HopperSchedules.registers(kernel.headDim(), schedule));
    emit.insert(start, new Inst.SetMaxRegisters(registers.producer(), false));
    emit.add(new Inst.Label(consumer));
    emit.operation("role " + roles.roles().get(1).name());
    emit.scope(() -> new ConsumerCode(context, roles.roles().get(1), registers).emit());
    return new PtxKernel(
        entry,
        target,
        parameters.list(),
        schedule.threads(),
        1,
        layout.bytes(),
        List.of(
            kernel.spec().name() + " from " + kernel.spec().origin(),
            "%s, head dim %s: %s"
                .formatted(kernel.dtype().keyword(), kernel.headDim(), schedule.print())),
        emit.code());
  }

  /** What the code of every role starts from. */
  record Context(
      Emitter emit,
      TileKernel kernel,
      Schedule.Hopper schedule,
      HopperLayout layout,
      KernelParameters parameters,
      Reg thread,
      Reg group,
      Reg shared) {

    /** Whether the sequences of items have lengths of their own. */
    boolean ofSequences() {
      return searches() || ofResidues();
    }

    /** Whether the sequence of an item is searched. */
    boolean searches() {
      return kernel.batching() != Batching.DENSE;
    }

    /** Whether items are of residue classes. */
    boolean ofResidues() {
      return kernel.spec().step().isPresent();
    }

    /** Whether kv tiles are tested. */
    boolean testsTiles() {
      return kernel.tested().isPresent();
    }

    /** Counts the kv tiles of an item that pass: a whole warp does. */
    TileTests count(Env env, Sequence in, Reg lane) {
      return new TileTests(
          emit, kernel.spec(), kernel.tested().orElseThrow(), env, lane, in.keys());
    }

    /** What the producer has counted. */
    Map<Expr.Var, Reg> counted() {
      List<Reg> counts = List.of(emit.fresh(Reg.Kind.B32), emit.fresh(Reg.Kind.B32));
      emit.add(new Inst.Ld(Space.SHARED, MemTy.B32, counts, new Address(shared, layout.counts())));
      return TileTests.variables(counts);
    }
  }

  private Map<Operand, Role.TensorMap> maps() {
    Map<Operand, Role.TensorMap> maps = new EnumMap<>(Operand.class);
    for (Operand of : LOADED) {
      Form form = of == Operand.Q && kernel.packed() ? Form.GROUPED : form();
      maps.put(of, new Role.TensorMap(of, layout.rows(of), layout.slabColumns(), form));
    }
    if (schedule.output() != Output.DIRECT) {
      maps.put(
          Operand.O,
          new Role.TensorMap(Operand.O, HopperLayout.GROUP_ROWS, layout.slabColumns(), form()));
    }
    return maps;
  }

  private Form form() {
    boolean whole = kernel.batching() == Batching.DENSE && kernel.spec().step().isEmpty();
    return whole ? Form.PLAIN : Form.SEQUENCES;
  }

  private Reg special(Inst.Special special) {
    Reg reg = emit.fresh(Reg.Kind.B32);
    emit.add(new Inst.ReadSpecial(reg, special));
    return reg;
  }

  /**
   * Idle rows of Q are zeros: no load writes there, but products read them. Of r rows fewer than r
   * / 2 are idle.
   *
   * @param used bytes of a slab that loads write
   */
  private void clear(Reg used, Reg thread, Reg shared) {
    emit.operation("idle rows");
    int chunk = 16;
    int slab = layout.slab(Operand.Q);
    int most = Math.ceilDiv(slab / 2, chunk * schedule.threads());
    var mine = emit.mad(Ty.S32, thread, new IntConst(chunk), used);
    Reg to = (Reg) emit.arith(IntOp.ADD, Ty.S32, mine, shared);
    Reg zero = emit.reg(new IntConst(0), Reg.Kind.B32);
    for (int i = 0; i < most; i++) {
      int step = i * chunk * schedule.threads();
      Reg idle =
          emit.compare(
              CompareOp.LT, Ty.S32, emit.reg(mine, Reg.Kind.B32), new IntConst(slab - step));
      for (int s = 0; s < layout.slabs(Operand.Q); s++) {
        Address at = new Address(to, layout.buffer(Operand.Q) + s * slab + step);
        List<Reg> zeros = List.of(zero, zero, zero, zero);
        emit.add(new Inst.Guarded(idle, false, new Inst.St(Space.SHARED, MemTy.B32, at, zeros)));
      }
    }
    emit.add(new Inst.FenceProxyAsync());
  }

  /** One thread sets the barriers up before any other uses them. */
  private void initialise(Reg thread, Reg shared) {
    emit.operation("barriers");
    String done = emit.label("initialised");
    Reg other = emit.fresh(Reg.Kind.PRED);
    emit.add(new Inst.SetP(CompareOp.NE, Ty.S32, other, thread, new IntConst(0)));
    emit.add(new Inst.Guarded(other, false, new Inst.Bra(done, false)));
    for (Operand of : LOADED) {
      for (int stage = 0; stage < layout.stages(of); stage++) {
        emit.add(new Inst.MbarrierInit(new Address(shared, layout.full(of) + 8 * stage), 1));
        emit.add(
            new Inst.MbarrierInit(
                new Address(shared, layout.empty(of) + 8 * stage), schedule.consumers()));
      }
    }
    emit.add(new Inst.FenceMbarrierInit());
    emit.add(new Inst.Label(done));
    emit.add(new Inst.BarSync(0));
  }
}
