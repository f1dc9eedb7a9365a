package dev.attune.ptx;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.artifact.Parameter;
import java.util.List;
import java.util.Optional;

/**
 * The instructions Attune emits, each with the PTX text {@link PtxPrinter} gives it. Constructors
 * check register kinds; {@link PtxVerifier} checks what spans instructions.
 */
public sealed interface Inst {

  /** Types of integer operations. */
  enum Ty {
    S32(Reg.Kind.B32),
    U32(Reg.Kind.B32),
    S64(Reg.Kind.B64),
    B32(Reg.Kind.B32),
    B64(Reg.Kind.B64),
    F32(Reg.Kind.F32);

    private final Reg.Kind kind;

    Ty(Reg.Kind kind) {
      this.kind = kind;
    }

    /** The registers that hold the type. */
    public Reg.Kind kind() {
      return kind;
    }
  }

  /** Integer operations of two operands. AND, OR, XOR and SHL take B32 or B64. */
  enum IntOp {
    ADD("add"),
    SUB("sub"),
    MUL("mul.lo"),
    DIV("div"),
    REM("rem"),
    MIN("min"),
    MAX("max"),
    AND("and"),
    OR("or"),
    XOR("xor"),
    SHL("shl"),
    /** Arithmetic for S32 and S64. The shift count is 32-bit. */
    SHR("shr");

    private final String ptx;

    IntOp(String ptx) {
      this.ptx = ptx;
    }

    /** The mnemonic. */
    public String ptx() {
      return ptx;
    }
  }

  /** Operations of two floats. MIN and MAX return the number where one operand is NaN. */
  enum FloatOp {
    ADD("add.f32"),
    SUB("sub.f32"),
    MUL("mul.f32"),
    DIV("div.rn.f32"),
    MIN("min.f32"),
    MAX("max.f32");

    private final String ptx;

    FloatOp(String ptx) {
      this.ptx = ptx;
    }

    /** The mnemonic with its type. */
    public String ptx() {
      return ptx;
    }
  }

  /** Operations of one float. */
  enum FloatUnary {
    NEG("neg.f32"),
    ABS("abs.f32"),
    EX2("ex2.approx.ftz.f32"),
    LG2("lg2.approx.f32"),
    RCP("rcp.rn.f32"),
    RCP_APPROX("rcp.approx.ftz.f32"),
    SQRT("sqrt.rn.f32"),
    RSQRT("rsqrt.approx.f32"),
    SIN("sin.approx.f32"),
    COS("cos.approx.f32"),
    TANH("tanh.approx.f32");

    private final String ptx;

    FloatUnary(String ptx) {
      this.ptx = ptx;
    }

    /** The mnemonic with its type. */
    public String ptx() {
      return ptx;
    }
  }

  /** Conversions, by destination and source. */
  enum Conversion {
    F32_FROM_S32("cvt.rn.f32.s32", Reg.Kind.F32, Reg.Kind.B32),
    F32_FROM_S64("cvt.rn.f32.s64", Reg.Kind.F32, Reg.Kind.B64),
    /** Toward zero, saturating, NaN to 0. */
    S32_FROM_F32("cvt.rzi.s32.f32", Reg.Kind.B32, Reg.Kind.F32),
    /** To the nearest integral value, ties to even. */
    ROUND_F32("cvt.rni.f32.f32", Reg.Kind.F32, Reg.Kind.F32),
    S64_FROM_S32("cvt.s64.s32", Reg.Kind.B64, Reg.Kind.B32),
    /** The low 32 bits. */
    S32_FROM_S64("cvt.u32.u64", Reg.Kind.B32, Reg.Kind.B64);

    private final String ptx;
    private final Reg.Kind to;
    private final Reg.Kind from;

    Conversion(String ptx, Reg.Kind to, Reg.Kind from) {
      this.ptx = ptx;
      this.to = to;
      this.from = from;
    }

    /** The mnemonic with its types. */
    public String ptx() {
      return ptx;
    }

    /** Kind of the result. */
    public Reg.Kind to() {
      return to;
    }

    /** Kind of the operand. */
    public Reg.Kind from() {
      return from;
    }
  }

  /** Logic on predicates. */
  enum PredOp {
    AND("and.pred"),
    OR("or.pred"),
    XOR("xor.pred");

    private final String ptx;

    PredOp(String ptx) {
      this.ptx = ptx;
    }

    /** The mnemonic. */
    public String ptx() {
      return ptx;
    }
  }

  /** State spaces of loads and stores. */
  enum Space {
    GLOBAL("global"),
    /** Global memory that no one writes during the launch. */
    GLOBAL_CONST("global.nc"),
    SHARED("shared");

    private final String ptx;

    Space(String ptx) {
      this.ptx = ptx;
    }

    /** The space's name in a mnemonic. */
    public String ptx() {
      return ptx;
    }
  }

  /** Element types of loads and stores; U8 is widened to 32 bits. */
  enum MemTy {
    U8("u8", Reg.Kind.B32, 1),
    B32("b32", Reg.Kind.B32, 4),
    F32("f32", Reg.Kind.F32, 4);

    private final String ptx;
    private final Reg.Kind kind;
    private final int bytes;

    MemTy(String ptx, Reg.Kind kind, int bytes) {
      this.ptx = ptx;
      this.kind = kind;
      this.bytes = bytes;
    }

    /** The type's name in a mnemonic. */
    public String ptx() {
      return ptx;
    }

    /** The registers that hold the type. */
    public Reg.Kind kind() {
      return kind;
    }

    /** Size in memory. */
    public int bytes() {
      return bytes;
    }
  }

  /** Registers the hardware presets. */
  enum Special {
    TID_X("%tid.x"),
    CTAID_X("%ctaid.x"),
    CTAID_Y("%ctaid.y"),
    CTAID_Z("%ctaid.z"),
    NCTAID_X("%nctaid.x");

    private final String ptx;

    Special(String ptx) {
      this.ptx = ptx;
    }

    /** The register's name. */
    public String ptx() {
      return ptx;
    }
  }

  /**
   * An address: a register plus a constant number of bytes. 64-bit for global, 32-bit for shared.
   */
  record Address(Reg base, int offset) {
    /** The address as PTX text. */
    public String text() {
      return offset == 0 ? "[" + base.text() + "]" : "[" + base.text() + "+" + offset + "]";
    }
  }

  /** {@code dst = src}, of one kind. */
  record Mov(Reg dst, Operand src) implements Inst {
    public Mov {
      require(src, dst.kind());
    }
  }

  record ReadSpecial(Reg dst, Special special) implements Inst {
    public ReadSpecial {
      require(dst, Reg.Kind.B32);
    }
  }

  /** The shared-memory address of the kernel's dynamic buffer. */
  record SharedBase(Reg dst) implements Inst {
    public SharedBase {
      require(dst, Reg.Kind.B32);
    }
  }

  record LdParam(Reg dst, Parameter parameter) implements Inst {
    public LdParam {
      require(
          dst,
          switch (parameter.type()) {
            case U64, S64 -> Reg.Kind.B64;
            case S32 -> Reg.Kind.B32;
            case F32 -> Reg.Kind.F32;
            case TENSOR_MAP ->
                throw new IllegalArgumentException("a tensor map is not loaded: " + parameter);
          });
    }
  }

  record Arith(IntOp op, Ty type, Reg dst, Operand a, Operand b) implements Inst {
    public Arith {
      require(dst, type.kind());
      require(a, type.kind());
      require(b, op == IntOp.SHL || op == IntOp.SHR ? Reg.Kind.B32 : type.kind());
    }
  }

  /** {@code dst = a·b + c}, low half. */
  record Mad(Ty type, Reg dst, Operand a, Operand b, Operand c) implements Inst {
    public Mad {
      require(dst, type.kind());
      require(a, type.kind());
      require(b, type.kind());
      require(c, type.kind());
    }
  }

  /** {@code dst = a·b + c} with 32-bit signed factors and a 64-bit sum. */
  record MadWide(Reg dst, Operand a, Operand b, Operand c) implements Inst {
    public MadWide {
      require(dst, Reg.Kind.B64);
      require(a, Reg.Kind.B32);
      require(b, Reg.Kind.B32);
      require(c, Reg.Kind.B64);
    }
  }

  record FloatArith(FloatOp op, Reg dst, Operand a, Operand b) implements Inst {
    public FloatArith {
      require(dst, Reg.Kind.F32);
      require(a, Reg.Kind.F32);
      require(b, Reg.Kind.F32);
    }
  }

  record Fma(Reg dst, Operand a, Operand b, Operand c) implements Inst {
    public Fma {
      require(dst, Reg.Kind.F32);
      require(a, Reg.Kind.F32);
      require(b, Reg.Kind.F32);
      require(c, Reg.Kind.F32);
    }
  }

  record FloatUn(FloatUnary op, Reg dst, Operand a) implements Inst {
    public FloatUn {
      require(dst, Reg.Kind.F32);
      require(a, Reg.Kind.F32);
    }
  }

  /** {@code dst = |a|} of an S32 or S64. */
  record IntAbs(Ty type, Reg dst, Operand a) implements Inst {
    public IntAbs {
      require(dst, type.kind());
      require(a, type.kind());
    }
  }

  record Convert(Conversion conversion, Reg dst, Operand a) implements Inst {
    public Convert {
      require(dst, conversion.to());
      require(a, conversion.from());
    }
  }

  /** Two floats rounded to the 16-bit dtype, {@code low} in the low half. */
  record Pack(Dtype dtype, Reg dst, Operand high, Operand low) implements Inst {
    public Pack {
      require(dst, Reg.Kind.B32);
      require(high, Reg.Kind.F32);
      require(low, Reg.Kind.F32);
    }
  }

  /** Comparison of S32, S64 or F32; on floats false where an operand is NaN, except NE. */
  record SetP(CompareOp op, Ty type, Reg dst, Operand a, Operand b) implements Inst {
    public SetP {
      require(dst, Reg.Kind.PRED);
      require(a, type.kind());
      require(b, type.kind());
    }
  }

  record Pred(PredOp op, Reg dst, Reg a, Reg b) implements Inst {
    public Pred {
      require(dst, Reg.Kind.PRED);
      require(a, Reg.Kind.PRED);
      require(b, Reg.Kind.PRED);
    }
  }

  record PredNot(Reg dst, Reg a) implements Inst {
    public PredNot {
      require(dst, Reg.Kind.PRED);
      require(a, Reg.Kind.PRED);
    }
  }

  /** {@code dst = p ? a : b}, of B32, B64 or F32. */
  record SelP(Reg dst, Operand a, Operand b, Reg p) implements Inst {
    public SelP {
      require(a, dst.kind());
      require(b, dst.kind());
      require(p, Reg.Kind.PRED);
    }
  }

  /** Loads 1, 2 or 4 neighbours. */
  record Ld(Space space, MemTy type, List<Reg> dst, Address from) implements Inst {
    public Ld {
      dst = List.copyOf(dst);
      requireVector(dst, type);
      require(from.base(), space == Space.SHARED ? Reg.Kind.B32 : Reg.Kind.B64);
    }
  }

  /** Stores 1, 2 or 4 neighbours. */
  record St(Space space, MemTy type, Address to, List<Reg> src) implements Inst {
    public St {
      src = List.copyOf(src);
      requireVector(src, type);
      require(to.base(), space == Space.SHARED ? Reg.Kind.B32 : Reg.Kind.B64);
    }
  }

  /** Loads 1, 2 or 4 matrices of 8×8 16-bit elements from shared memory, a register each. */
  record LdMatrix(boolean transpose, List<Reg> dst, Address from) implements Inst {
    public LdMatrix {
      dst = List.copyOf(dst);
      requireVector(dst, MemTy.B32);
      require(from.base(), Reg.Kind.B32);
    }
  }

  /**
   * {@code d = a·b + c} for a 16×8 tile of f32: {@code a} 16×16 in four registers, {@code b} 16×8
   * in two.
   */
  record Mma(Dtype dtype, List<Reg> d, List<Reg> a, List<Reg> b, List<Reg> c) implements Inst {
    public Mma {
      d = List.copyOf(d);
      a = List.copyOf(a);
      b = List.copyOf(b);
      c = List.copyOf(c);
      if (d.size() != 4 || a.size() != 4 || b.size() != 2 || c.size() != 4) {
        throw new IllegalArgumentException("mma.m16n8k16 takes 4, 4, 2 and 4 registers");
      }
      d.forEach(r -> require(r, Reg.Kind.F32));
      a.forEach(r -> require(r, Reg.Kind.B32));
      b.forEach(r -> require(r, Reg.Kind.B32));
      c.forEach(r -> require(r, Reg.Kind.F32));
    }
  }

  /**
   * Copies 16 bytes from global to shared memory, asynchronously. Of them {@code valid} are read,
   * the rest are zeros.
   */
  record CpAsync(Address to, Address from, Optional<Operand> valid) implements Inst {
    public CpAsync {
      require(to.base(), Reg.Kind.B32);
      require(from.base(), Reg.Kind.B64);
      valid.ifPresent(v -> require(v, Reg.Kind.B32));
    }
  }

  /** Closes the group of this thread's copies since the last commit. */
  record CpAsyncCommit() implements Inst {}

  /** Waits until at most {@code pending} of this thread's groups are unfinished. */
  record CpAsyncWait(int pending) implements Inst {}

  /** Waits for all threads of the CTA. */
  record BarSync(int id) implements Inst {}

  /** Waits until {@code threads} threads of the CTA, a multiple of 32, have come to barrier id. */
  record BarSyncSome(Operand id, int threads) implements Inst {
    public BarSyncSome {
      require(id, Reg.Kind.B32);
      if (threads % 32 != 0 || threads < 32) {
        throw new IllegalArgumentException("a barrier of " + threads + " threads");
      }
    }
  }

  /** Makes an mbarrier of {@code count} arrivals a phase. */
  record MbarrierInit(Address barrier, int count) implements Inst {
    public MbarrierInit {
      require(barrier.base(), Reg.Kind.B32);
    }
  }

  /** One arrival. */
  record MbarrierArrive(Address barrier) implements Inst {
    public MbarrierArrive {
      require(barrier.base(), Reg.Kind.B32);
    }
  }

  /** One arrival, after which the phase also waits for {@code bytes} of asynchronous copies. */
  record MbarrierExpect(Address barrier, Operand bytes) implements Inst {
    public MbarrierExpect {
      require(barrier.base(), Reg.Kind.B32);
      switch (bytes) {
        case Reg r -> require(r, Reg.Kind.B32);
        case Operand.IntConst(long value) when value >= 16 && value < 1 << 20 -> {}
        default ->
            throw new IllegalArgumentException("a transaction of " + bytes.text() + " bytes");
      }
    }

    /** Bytes that are known. */
    public MbarrierExpect(Address barrier, int bytes) {
      this(barrier, new Operand.IntConst(bytes));
    }
  }

  /** Whether the phase of the parity has completed; may wait a while for it. */
  record MbarrierTryWait(Reg dst, Address barrier, Reg parity) implements Inst {
    public MbarrierTryWait {
      require(dst, Reg.Kind.PRED);
      require(barrier.base(), Reg.Kind.B32);
      require(parity, Reg.Kind.B32);
    }
  }

  /** Makes initialised mbarriers visible to asynchronous copies. */
  record FenceMbarrierInit() implements Inst {}

  /** Makes this thread's accesses to shared memory visible to TMA and wgmma, and theirs to it. */
  record FenceProxyAsync() implements Inst {}

  /** Orders this thread's accesses to global memory before its later ones, for all of the GPU. */
  record FenceGpu() implements Inst {}

  /** The address of a tensor map parameter. */
  record TensorMapAddress(Reg dst, Parameter parameter) implements Inst {
    public TensorMapAddress {
      require(dst, Reg.Kind.B64);
      if (parameter.type() != Parameter.Type.TENSOR_MAP) {
        throw new IllegalArgumentException("not a tensor map: " + parameter);
      }
    }
  }

  /** Loads a tensor map's 128 bytes ahead of its first use. */
  record PrefetchTensorMap(Reg map) implements Inst {
    public PrefetchTensorMap {
      require(map, Reg.Kind.B64);
    }
  }

  /**
   * Copies the box of a tensor map that starts at the coordinates to shared memory, asynchronously;
   * completes that many bytes on the barrier. Coordinates are (column, row, head, batch), of a
   * grouped map (column, head of the group, row, group, batch).
   */
  record TmaLoad(Address to, Reg map, List<Operand> coordinates, Address barrier) implements Inst {
    public TmaLoad {
      coordinates = List.copyOf(coordinates);
      require(to.base(), Reg.Kind.B32);
      require(map, Reg.Kind.B64);
      requireCoordinates(coordinates);
      require(barrier.base(), Reg.Kind.B32);
    }
  }

  /** Copies a box from shared memory to where the coordinates say, asynchronously. */
  record TmaStore(Reg map, List<Operand> coordinates, Address from) implements Inst {
    public TmaStore {
      coordinates = List.copyOf(coordinates);
      require(map, Reg.Kind.B64);
      requireCoordinates(coordinates);
      require(from.base(), Reg.Kind.B32);
    }
  }

  /** Closes the group of this thread's TMA stores since the last commit. */
  record TmaStoreCommit() implements Inst {}

  /**
   * Waits until at most {@code pending} of this thread's store groups are unfinished.
   *
   * @param read only until they have read shared memory
   */
  record TmaStoreWait(int pending, boolean read) implements Inst {}

  /** The left operand of {@link Wgmma}. */
  sealed interface Left {
    /** A descriptor of a K-major matrix in shared memory. */
    record Shared(Reg descriptor) implements Left {
      public Shared {
        require(descriptor, Reg.Kind.B64);
      }
    }

    /** Four registers: the A fragment of m64k16. */
    record Registers(List<Reg> regs) implements Left {
      public Registers {
        regs = List.copyOf(regs);
        if (regs.size() != 4) {
          throw new IllegalArgumentException("wgmma takes 4 registers of A");
        }
        regs.forEach(r -> require(r, Reg.Kind.B32));
      }
    }
  }

  /**
   * Starts {@code d = a·b} or, with {@code accumulate}, {@code d += a·b}, for a 64×n tile of f32 in
   * n/2 registers and an inner dimension of 16.
   *
   * @param b a descriptor
   * @param transposeB b is MN-major: its rows are the inner dimension
   */
  record Wgmma(Dtype dtype, List<Reg> d, Left a, Reg b, boolean accumulate, boolean transposeB)
      implements Inst {
    public Wgmma {
      d = List.copyOf(d);
      if (d.isEmpty() || d.size() % 4 != 0 || d.size() > 128) {
        throw new IllegalArgumentException("wgmma of " + 2 * d.size() + " columns");
      }
      d.forEach(r -> require(r, Reg.Kind.F32));
      require(b, Reg.Kind.B64);
    }
  }

  /** Orders this warpgroup's register accesses before its next wgmma. */
  record WgmmaFence() implements Inst {}

  /** Closes the group of wgmmas since the last commit. */
  record WgmmaCommit() implements Inst {}

  /** Waits until at most {@code pending} groups are unfinished. */
  record WgmmaWait(int pending) implements Inst {}

  /** Changes the registers that each thread of the warpgroup may use. */
  record SetMaxRegisters(int count, boolean increase) implements Inst {
    public SetMaxRegisters {
      if (count < 24 || count > 256 || count % 8 != 0) {
        throw new IllegalArgumentException("setmaxnreg takes 24 to 256 in steps of 8: " + count);
      }
    }
  }

  /** Holds in one lane of the warp. */
  record Elect(Reg dst) implements Inst {
    public Elect {
      require(dst, Reg.Kind.PRED);
    }
  }

  /** Stores 1, 2 or 4 matrices of 8×8 16-bit elements to shared memory, a register each. */
  record StMatrix(Address to, List<Reg> src) implements Inst {
    public StMatrix {
      src = List.copyOf(src);
      requireVector(src, MemTy.B32);
      require(to.base(), Reg.Kind.B32);
    }
  }

  /** The value of {@code src} in a lane. */
  record ShflIdx(Reg dst, Operand src, Operand lane) implements Inst {
    public ShflIdx {
      require(src, dst.kind());
      require(lane, Reg.Kind.B32);
    }

    /** Of a lane that is known. */
    public ShflIdx(Reg dst, Operand src, int lane) {
      this(dst, src, new Operand.IntConst(lane));
    }
  }

  /** Adds to a global u32; {@code dst} is what was there. */
  record AtomAdd(Reg dst, Address at, Operand value) implements Inst {
    public AtomAdd {
      require(dst, Reg.Kind.B32);
      require(at.base(), Reg.Kind.B64);
      require(value, Reg.Kind.B32);
    }
  }

  /** Adds 1 to a global u32, or sets it to 0 where it was {@code bound}; dst is what was there. */
  record AtomInc(Reg dst, Address at, Operand bound) implements Inst {
    public AtomInc {
      require(dst, Reg.Kind.B32);
      require(at.base(), Reg.Kind.B64);
      require(bound, Reg.Kind.B32);
    }
  }

  /** Two 32-bit words as one of 64 bits. */
  record Join(Reg dst, Operand low, Operand high) implements Inst {
    public Join {
      require(dst, Reg.Kind.B64);
      require(low, Reg.Kind.B32);
      require(high, Reg.Kind.B32);
    }
  }

  /** The bits of a float as an integer, or of an integer as a float. */
  record Bits(Reg dst, Reg src) implements Inst {
    public Bits {
      if (dst.kind() == src.kind() || dst.kind().bytes() != 4 || src.kind().bytes() != 4) {
        throw new IllegalArgumentException("bits of " + src.text() + " as " + dst.text());
      }
    }
  }

  /** The index of the highest set bit of a u32; all ones where there is none. */
  record HighestBit(Reg dst, Operand src) implements Inst {
    public HighestBit {
      require(dst, Reg.Kind.B32);
      require(src, Reg.Kind.B32);
    }
  }

  /** Waits for all lanes of the warp, and orders their memory accesses. */
  record BarWarpSync() implements Inst {}

  /** The value of {@code src} in the lane whose number differs in the bits of {@code laneMask}. */
  record ShflBfly(Reg dst, Operand src, int laneMask) implements Inst {
    public ShflBfly {
      require(src, dst.kind());
    }
  }

  /** Whether {@code src} holds in any lane of the warp. */
  record VoteAny(Reg dst, Reg src) implements Inst {
    public VoteAny {
      require(dst, Reg.Kind.PRED);
      require(src, Reg.Kind.PRED);
    }
  }

  /** A bit for each lane of the warp: whether {@code src} holds in it. */
  record VoteBallot(Reg dst, Reg src) implements Inst {
    public VoteBallot {
      require(dst, Reg.Kind.B32);
      require(src, Reg.Kind.PRED);
    }
  }

  /** The number of set bits. */
  record PopCount(Reg dst, Operand src) implements Inst {
    public PopCount {
      require(dst, Reg.Kind.B32);
      require(src, Reg.Kind.B32);
    }
  }

  /** An instruction that only lanes in which {@code guard} holds (or does not) execute. */
  record Guarded(Reg guard, boolean negated, Inst inst) implements Inst {
    public Guarded {
      require(guard, Reg.Kind.PRED);
      if (inst instanceof Guarded || inst instanceof Label || inst instanceof Comment) {
        throw new IllegalArgumentException("cannot be guarded: " + inst);
      }
    }
  }

  /** A jump. {@code uniform}: all lanes of the warp agree. */
  record Bra(String label, boolean uniform) implements Inst {}

  record Label(String name) implements Inst {}

  record Ret() implements Inst {}

  /** A comment; {@code operation} marks the tile operation that the following code belongs to. */
  record Comment(String text, boolean operation) implements Inst {}

  private static void requireVector(List<Reg> regs, MemTy type) {
    if (regs.size() != 1 && regs.size() != 2 && regs.size() != 4) {
      throw new IllegalArgumentException("a vector of " + regs.size());
    }
    regs.forEach(r -> require(r, type.kind()));
  }

  private static void requireCoordinates(List<Operand> coordinates) {
    if (coordinates.size() != 4 && coordinates.size() != 5) {
      throw new IllegalArgumentException(coordinates.size() + " coordinates instead of 4 or 5");
    }
    coordinates.forEach(c -> require(c, Reg.Kind.B32));
  }

  private static void require(Operand operand, Reg.Kind kind) {
    boolean ok =
        switch (operand) {
          case Reg r -> r.kind() == kind;
          case Operand.IntConst i -> kind == Reg.Kind.B32 || kind == Reg.Kind.B64;
          case Operand.FloatConst f -> kind == Reg.Kind.F32;
        };
    if (!ok) {
      throw new IllegalArgumentException("expected " + kind + ", found " + operand.text());
    }
  }
}
