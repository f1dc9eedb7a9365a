package dev.attune.runtime.vectors;

import dev.attune.compiler.spec.CompareOp;
import dev.attune.compiler.spec.Dtype;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Matrix instructions of a warp, and the exchange of values between its lanes. */
final class MatrixCases {
  private static final int LANES = 32;
  private static final int CHUNK = 16;

  private MatrixCases() {}

  static List<GoldenCase> all() {
    List<GoldenCase> all = new ArrayList<>();
    for (Dtype dtype : Dtype.values()) {
      for (Values.Kind kind : Values.Kind.values()) {
        all.add(mma(dtype, kind));
      }
    }
    for (int matrices : List.of(1, 2, 4)) {
      all.add(load(matrices, false));
      all.add(load(matrices, true));
      all.add(store(matrices));
    }
    all.add(exchange());
    return all;
  }

  private static GoldenCase mma(Dtype dtype, Values.Kind kind) {
    String name = "mma." + dtype.keyword() + "." + kind.name().toLowerCase(Locale.ROOT);
    Values values = new Values(name);
    KernelCode code = new KernelCode(LANES);
    int products = 8;
    byte[][] input = new byte[2 * products][];
    for (int i = 0; i < products; i++) {
      List<Reg> a = code.next(Reg.Kind.B32, 4);
      List<Reg> b = code.next(Reg.Kind.B32, 2);
      List<Reg> c = code.next(Reg.Kind.F32, 4);
      List<Reg> d = code.fresh(Reg.Kind.F32, 4);
      code.add(new Inst.Mma(dtype, d, a, b, c));
      d.forEach(code::store);
      input[2 * i] = values.halves(dtype, kind, 2 * 6 * LANES);
      input[2 * i + 1] = Values.bytes(values.sums(dtype, kind, 4 * LANES));
    }
    return code.golden(name, Values.join(input), Agreement.BITS);
  }

  /** Every lane names a row, all rows in any order. */
  private static GoldenCase load(int matrices, boolean transpose) {
    String name = "ldmatrix.x" + matrices + (transpose ? ".trans" : "");
    Values values = new Values(name);
    int bytes = 2 * LANES * CHUNK;
    KernelCode code = new KernelCode(LANES, bytes);
    code.fill(bytes);
    Address row = row(code);
    code.add(new Inst.BarWarpSync());
    List<Reg> fragments = code.fresh(Reg.Kind.B32, matrices);
    code.add(new Inst.LdMatrix(transpose, fragments, row));
    fragments.forEach(code::store);
    byte[] input = Values.join(Values.bytes(values.words(bytes / 4)), rows(values));
    return code.golden(name, input, Agreement.BITS);
  }

  private static GoldenCase store(int matrices) {
    String name = "stmatrix.x" + matrices;
    Values values = new Values(name);
    int bytes = 2 * LANES * CHUNK;
    KernelCode code = new KernelCode(LANES, bytes);
    code.fill(bytes);
    Address row = row(code);
    List<Reg> fragments = code.next(Reg.Kind.B32, matrices);
    code.add(new Inst.BarWarpSync());
    code.add(new Inst.StMatrix(row, fragments));
    code.add(new Inst.BarWarpSync());
    code.dump(bytes);
    byte[] input =
        Values.join(
            Values.bytes(values.words(bytes / 4)),
            rows(values),
            Values.bytes(values.words(matrices * LANES)));
    return code.golden(name, input, Agreement.BITS);
  }

  private static Address row(KernelCode code) {
    Reg offset = code.next(Reg.Kind.B32);
    return new Address((Reg) code.emit().arith(IntOp.ADD, Ty.S32, code.shared(), offset), 0);
  }

  /** Half of the 64 rows of shared memory. */
  private static byte[] rows(Values values) {
    int[] order = values.permutation(2 * LANES);
    return Values.bytes(IntStream.range(0, LANES).map(i -> CHUNK * order[i]).toArray());
  }

  private static GoldenCase exchange() {
    String name = "exchange";
    KernelCode code = new KernelCode(LANES);
    Reg mine = code.next(Reg.Kind.B32);
    for (int mask = 1; mask < LANES; mask *= 2) {
      Reg other = code.emit().fresh(Reg.Kind.B32);
      code.add(new Inst.ShflBfly(other, mine, mask));
      code.store(other);
    }
    for (int lane : List.of(0, 21)) {
      Reg of = code.emit().fresh(Reg.Kind.B32);
      code.add(new Inst.ShflIdx(of, mine, lane));
      code.store(of);
    }
    for (int lane : List.of(31, 32)) {
      Reg any = code.emit().fresh(Reg.Kind.PRED);
      Reg here = code.emit().compare(CompareOp.EQ, Ty.S32, code.thread(), new IntConst(lane));
      code.add(new Inst.VoteAny(any, here));
      code.store(code.bit(any));
    }
    Reg negative = code.emit().compare(CompareOp.LT, Ty.S32, mine, new IntConst(0));
    Reg ballot = code.emit().fresh(Reg.Kind.B32);
    code.add(new Inst.VoteBallot(ballot, negative));
    code.store(ballot);
    Reg count = code.emit().fresh(Reg.Kind.B32);
    code.add(new Inst.PopCount(count, ballot));
    code.store(count);
    return code.golden(name, Values.bytes(new Values(name).words(LANES)), Agreement.BITS);
  }
}
