package dev.attune.ptx.select;

import static java.util.Objects.requireNonNull;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.compiler.tile.TileKernel;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import dev.attune.ptx.artifact.Parameter;
import dev.attune.ptx.artifact.Parameter.Axis;
import dev.attune.ptx.artifact.Parameter.Role;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The parameters of a forward kernel, loaded into registers at its start. */
public final class KernelParameters {
  private static final List<Operand> TILES = List.of(Operand.Q, Operand.K, Operand.V, Operand.O);

  private final HeadDim dim;
  private final Batching batching;
  private final Map<Role, Reg> regs = new HashMap<>();
  private final List<Parameter> list;
  private final AttentionSpec spec;

  private KernelParameters(TileKernel kernel, List<Parameter> list) {
    this.spec = kernel.spec();
    this.dim = kernel.headDim();
    this.batching = kernel.batching();
    this.list = List.copyOf(list);
  }

  /** The parameters of a kernel that addresses Q, K, V and O by pointers and strides. */
  public static KernelParameters strided(Emitter emit, TileKernel kernel) {
    AttentionSpec spec = kernel.spec();
    List<Parameter> list = new ArrayList<>();
    TILES.forEach(of -> list.add(address(of)));
    rowOutputs(spec).forEach(of -> list.add(address(of)));
    TILES.forEach(of -> list.addAll(strides(of)));
    list.addAll(uniform(spec));
    list.addAll(sequences(kernel.batching()));
    return load(emit, new KernelParameters(kernel, list));
  }

  /**
   * The parameters of a kernel that moves tiles by tensor maps, or by pointers and strides where it
   * has no map of them, and takes its work from a counter.
   */
  public static KernelParameters mapped(
      Emitter emit, TileKernel kernel, Map<Operand, Role.TensorMap> maps) {
    AttentionSpec spec = kernel.spec();
    List<Parameter> list = new ArrayList<>();
    for (Operand of : TILES) {
      Role.TensorMap map = maps.get(of);
      if (map == null) {
        list.add(address(of));
        list.addAll(strides(of));
        continue;
      }
      list.add(new Parameter(lower(of) + "_map", map, Parameter.Type.TENSOR_MAP));
      if (map.form() == Parameter.Form.GROUPED) {
        list.add(new Parameter(lower(of) + "_box", new Role.BoxBytes(of), Parameter.Type.S32));
      }
      if (kernel.batching() == Batching.PADDED || spec.step().isPresent()) {
        list.add(new Parameter(lower(of) + "_pitch", new Role.Pitch(of), Parameter.Type.S32));
      }
    }
    rowOutputs(spec).forEach(of -> list.add(address(of)));
    list.add(new Parameter("counter", new Role.Counter(), Parameter.Type.U64));
    list.addAll(uniform(spec));
    list.addAll(sequences(kernel.batching()));
    return load(emit, new KernelParameters(kernel, list));
  }

  private static KernelParameters load(Emitter emit, KernelParameters parameters) {
    for (Parameter p : parameters.list) {
      if (p.type() == Parameter.Type.TENSOR_MAP) {
        continue; // Used where it lies.
      }
      Reg reg =
          emit.fresh(
              switch (p.type()) {
                case U64, S64 -> Reg.Kind.B64;
                case S32 -> Reg.Kind.B32;
                case F32 -> Reg.Kind.F32;
                case TENSOR_MAP -> throw new AssertionError("left out above");
              });
      emit.add(new Inst.LdParam(reg, p));
      parameters.regs.put(p.role(), reg);
    }
    return parameters;
  }

  private static Parameter address(Operand of) {
    return new Parameter(lower(of), new Role.Pointer(of), Parameter.Type.U64);
  }

  private static List<Parameter> strides(Operand of) {
    return Stream.of(Axis.values())
        .map(
            axis ->
                new Parameter(
                    lower(of) + "_stride_" + lower(axis),
                    new Role.Stride(of, axis),
                    Parameter.Type.S64))
        .toList();
  }

  /** Where sequences of their own lengths lie. */
  private static List<Parameter> sequences(Batching batching) {
    List<Parameter> list = new ArrayList<>();
    for (Operand of : List.of(Operand.Q, Operand.K)) {
      if (batching != Batching.DENSE) {
        list.add(
            new Parameter(lower(of) + "_sequences", new Role.Sequences(of), Parameter.Type.U64));
      }
      if (batching == Batching.PACKED) {
        list.add(new Parameter(lower(of) + "_tokens", new Role.Tokens(of), Parameter.Type.S32));
      }
    }
    return list;
  }

  private static List<Operand> rowOutputs(AttentionSpec spec) {
    List<Operand> outputs = new ArrayList<>();
    if (spec.normalization() instanceof Normalization.Softmax) {
      outputs.add(Operand.LSE);
      if (spec.outputs().contains(Output.MAX_SCORE)) {
        outputs.add(Operand.MAX_SCORE);
      }
    }
    return outputs;
  }

  /** Sizes, scalars and captured tensors. */
  private static List<Parameter> uniform(AttentionSpec spec) {
    List<Parameter> list = new ArrayList<>();
    for (Extent extent :
        List.of(Extent.B, Extent.HQ, Extent.HKV, Extent.SQ, Extent.SKV, Extent.GROUP)) {
      list.add(new Parameter("size_" + lower(extent), new Role.Size(extent), Parameter.Type.S32));
    }
    list.add(new Parameter("scale", new Role.Scale(), Parameter.Type.F32));
    list.add(new Parameter("scale_log2e", new Role.ScaleLog2e(), Parameter.Type.F32));
    // What a user named is numbered: no identifier of a spec reaches the code.
    int scalars = 0;
    for (ParamDecl p : spec.params()) {
      Parameter.Type type = p.type() == ScalarType.FLOAT ? Parameter.Type.F32 : Parameter.Type.S32;
      list.add(new Parameter("param" + scalars++, new Role.Scalar(p.name()), type));
    }
    int tensors = 0;
    for (TensorDecl t : spec.tensors()) {
      list.add(
          new Parameter("tensor" + tensors++, new Role.Captured(t.name()), Parameter.Type.U64));
    }
    return list;
  }

  /** The parameters in order. */
  public List<Parameter> list() {
    return list;
  }

  /** A size of the launch: of sequences that have their own lengths, what none exceeds. */
  public dev.attune.ptx.Operand size(Extent extent) {
    return switch (extent) {
      case DQK -> new IntConst(dim.qk());
      case DV -> new IntConst(dim.v());
      case B, HQ, HKV, SQ, SKV, GROUP -> reg(new Role.Size(extent));
    };
  }

  /** Elements between neighbours along an axis. */
  public Reg stride(Operand of, Axis axis) {
    return reg(new Role.Stride(of, axis));
  }

  /** Address of an operand's first element. */
  public Reg pointer(Operand of) {
    return reg(new Role.Pointer(of));
  }

  /** Bytes of a box of an operand's grouped tensor map. */
  public Reg boxBytes(Operand of) {
    return reg(new Role.BoxBytes(of));
  }

  /** Address of the work counter. */
  public Reg counter() {
    return reg(new Role.Counter());
  }

  /** The parameter that is an operand's tensor map. */
  public Parameter tensorMap(Operand of) {
    return list.stream()
        .filter(p -> p.role() instanceof Role.TensorMap m && m.of() == of)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no tensor map of " + of));
  }

  /** Address of the int32 that say where sequences lie, of Q or K. */
  Reg sequences(Operand of) {
    return reg(new Role.Sequences(of));
  }

  /** How many tokens Q or K of a packed batch has. */
  Reg tokens(Operand of) {
    return reg(new Role.Tokens(of));
  }

  /** How far apart neighbours of a residue class are in its sequence. */
  public dev.attune.ptx.Operand step() {
    return switch (spec.step().orElseThrow()) {
      case Expr.IntConst(long n) -> new IntConst(n);
      case Expr.Param p -> reg(new Role.Scalar(p.name()));
      default -> throw new IllegalStateException("a step is a constant or a param");
    };
  }

  /**
   * How many positions of a sequence are of a residue class: of those from {@code residue} on every
   * step-th.
   *
   * @param length of the sequence
   */
  public Reg classLength(
      Emitter emit, dev.attune.ptx.Operand length, dev.attune.ptx.Operand residue) {
    var further = emit.arith(IntOp.SUB, Ty.S32, step(), new IntConst(1));
    var left = emit.arith(IntOp.SUB, Ty.S32, length, residue);
    var round = emit.arith(IntOp.ADD, Ty.S32, left, further);
    return emit.reg(emit.arith(IntOp.DIV, Ty.U32, round, step()), Reg.Kind.B32);
  }

  /** A residue class of a sequence of a dense batch. */
  public Sequence residueClass(Emitter emit, Reg b, Reg residue) {
    return Sequence.of(
        b,
        residue,
        classLength(emit, size(Extent.SQ), residue),
        classLength(emit, size(Extent.SKV), residue));
  }

  /** The position in its sequence of one that may be of a residue class. */
  private dev.attune.ptx.Operand inSequence(
      Emitter emit, Sequence in, dev.attune.ptx.Operand position) {
    Reg residue = in.residue();
    return residue == null ? position : emit.mad(Ty.S32, position, step(), residue);
  }

  /** The sequence of a dense batch with a number: they are all alike. */
  public Sequence dense(Reg b) {
    return new Sequence(b, size(Extent.SQ), size(Extent.SKV), null, null);
  }

  /**
   * The coordinates of a box from token {@code row} of a sequence on, from column {@code col} on.
   */
  public List<dev.attune.ptx.Operand> coordinates(
      Emitter emit, Operand of, Sequence in, Reg head, dev.attune.ptx.Operand row, int col) {
    boolean keys = of == Operand.K || of == Operand.V;
    var length = keys ? in.keys() : in.queries();
    Reg residue = in.residue();
    var first =
        switch (batching) {
          case DENSE ->
              residue == null ? null : emit.mad(Ty.S32, in.b(), reg(new Role.Pitch(of)), residue);
          case PADDED -> emit.arith(IntOp.MUL, Ty.S32, in.b(), reg(new Role.Pitch(of)));
          case PACKED -> keys ? in.firstKey() : in.firstQuery();
        };
    if (first == null) {
      return List.of(new IntConst(col), row, head, in.b());
    }
    var tokens = residue == null ? length : emit.arith(IntOp.MUL, Ty.S32, length, step());
    IntConst wrap = new IntConst(Parameter.Form.WRAP);
    var before = emit.arith(IntOp.SUB, Ty.S32, row, length);
    return List.of(
        new IntConst(col),
        emit.arith(IntOp.ADD, Ty.S32, before, wrap),
        head,
        emit.arith(IntOp.ADD, Ty.S32, first, tokens),
        wrap);
  }

  /** Address of an operand's row at a position of a head in a sequence: 64-bit throughout. */
  Reg rowAddress(Emitter emit, Operand of, Sequence in, Reg head, dev.attune.ptx.Operand position) {
    Reg first = headAddress(emit, of, in, head);
    var stride = emit.arith(IntOp.SHL, Ty.B64, stride(of, Axis.SEQ), new IntConst(1));
    var wide = emit.convert(Inst.Conversion.S64_FROM_S32, inSequence(emit, in, position));
    return (Reg) emit.mad(Ty.S64, wide, stride, first);
  }

  /** Address of the first row of an operand's head in a sequence: 64-bit throughout. */
  public Reg headAddress(Emitter emit, Operand of, Sequence in, Reg head) {
    Reg token = of == Operand.K || of == Operand.V ? in.firstKey() : in.firstQuery();
    Reg wide = emit.convert(Inst.Conversion.S64_FROM_S32, token == null ? in.b() : token);
    Reg wideHead = emit.convert(Inst.Conversion.S64_FROM_S32, head);
    var inBatch = emit.arith(IntOp.MUL, Ty.S64, wideHead, stride(of, Axis.HEAD));
    Axis axis = token == null ? Axis.BATCH : Axis.SEQ;
    var elements = emit.mad(Ty.S64, wide, stride(of, axis), inBatch);
    var bytes = emit.arith(IntOp.SHL, Ty.B64, elements, new IntConst(1));
    return (Reg) emit.arith(IntOp.ADD, Ty.S64, pointer(of), bytes);
  }

  /** Where in LSE the row of a position of a sequence is. */
  dev.attune.ptx.Operand rowIndex(
      Emitter emit, Sequence in, Reg head, dev.attune.ptx.Operand position) {
    Reg first = in.firstQuery();
    if (first != null) {
      var wideHead = emit.convert(Inst.Conversion.S64_FROM_S32, head);
      var tokens = emit.convert(Inst.Conversion.S64_FROM_S32, tokens(Operand.Q));
      var token = emit.arith(IntOp.ADD, Ty.S32, first, position);
      return emit.mad(Ty.S64, wideHead, tokens, emit.convert(Inst.Conversion.S64_FROM_S32, token));
    }
    var wideBatch = emit.convert(Inst.Conversion.S64_FROM_S32, in.b());
    var wideHeads = emit.convert(Inst.Conversion.S64_FROM_S32, size(Extent.HQ));
    var inBatch = emit.convert(Inst.Conversion.S64_FROM_S32, head);
    var wideHead = emit.mad(Ty.S64, wideBatch, wideHeads, inBatch);
    var queries = emit.convert(Inst.Conversion.S64_FROM_S32, size(Extent.SQ));
    var base = emit.convert(Inst.Conversion.S64_FROM_S32, inSequence(emit, in, position));
    return emit.mad(Ty.S64, wideHead, queries, base);
  }

  /**
   * Where expressions find what is uniform.
   *
   * @param h none where the rows of an item are of several query heads
   */
  public Env env(Sequence in, @Nullable Reg h, Reg hkv, Map<Expr.Var, Reg> tile) {
    Map<Extent, dev.attune.ptx.Operand> launch = new EnumMap<>(Extent.class);
    for (Extent extent : Extent.values()) {
      launch.put(extent, size(extent));
    }
    Map<Extent, dev.attune.ptx.Operand> sizes = new EnumMap<>(launch);
    sizes.put(Extent.SQ, in.queries());
    sizes.put(Extent.SKV, in.keys());
    Map<String, Reg> params = new LinkedHashMap<>();
    spec.params().forEach(p -> params.put(p.name(), reg(new Role.Scalar(p.name()))));
    Map<String, Reg> tensors = new LinkedHashMap<>();
    spec.tensors().forEach(t -> tensors.put(t.name(), reg(new Role.Captured(t.name()))));
    return new Env(
        in.b(),
        h,
        hkv,
        sizes,
        launch,
        reg(new Role.Scale()),
        reg(new Role.ScaleLog2e()),
        params,
        tensors,
        tile);
  }

  private Reg reg(Role role) {
    return requireNonNull(regs.get(role), () -> "no parameter " + role);
  }

  private static String lower(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT);
  }
}
