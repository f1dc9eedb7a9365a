package dev.attune.runtime.vectors;

import dev.attune.compiler.spec.Operand;
import dev.attune.ptx.Inst;
import dev.attune.ptx.Inst.Address;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Operand.IntConst;
import dev.attune.ptx.Reg;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Copies between global and shared memory. */
final class CopyCases {
  private static final int THREADS = 128;

  private CopyCases() {}

  /** The corner of a box: column, row, head, batch. */
  private record Corner(int column, int row, int head, int batch) {
    List<dev.attune.ptx.Operand> coordinates() {
      return List.of(
          new IntConst(column), new IntConst(row), new IntConst(head), new IntConst(batch));
    }
  }

  static List<GoldenCase> all() {
    Corner inside = new Corner(64, 8, 1, 1);
    return List.of(
        load("inside", new TensorBox(128, 40, 16), inside),
        load("wide", new TensorBox(256, 300, 256), new Corner(192, 21, 0, 1)),
        load("last_rows", new TensorBox(128, 100, 80), new Corner(0, 80, 1, 0)),
        load("past_rows", new TensorBox(64, 48, 16), new Corner(0, 48, 0, 1)),
        load("narrow", new TensorBox(40, 40, 16), new Corner(0, 3, 1, 1)),
        load("last_columns", new TensorBox(72, 40, 16), new Corner(64, 0, 1, 0)),
        load("past_both", new TensorBox(72, 50, 48), new Corner(64, 40, 1, 1)),
        load("half_inside", new TensorBox(96, 60, 32, 32), new Corner(32, 8, 1, 1)),
        load("half_last_columns", new TensorBox(72, 90, 64, 32), new Corner(64, 40, 0, 1)),
        load("before", new TensorBox(128, 40, 32), new Corner(-8, -5, 0, 0)),
        store("inside", new TensorBox(128, 80, 64), inside),
        store("last_rows", new TensorBox(64, 90, 64), new Corner(0, 64, 1, 1)),
        store("past_rows", new TensorBox(64, 64, 64), new Corner(0, 64, 1, 0)),
        store("last_columns", new TensorBox(72, 70, 64), new Corner(64, 5, 0, 1)),
        store("half_inside", new TensorBox(96, 80, 64, 32), new Corner(64, 8, 1, 1)),
        store("half_last_columns", new TensorBox(88, 70, 64, 32), new Corner(64, 20, 1, 0)),
        async());
  }

  private static GoldenCase load(String name, TensorBox tensor, Corner corner) {
    String full = "tma.load." + name;
    int box = tensor.boxBytes();
    KernelCode code = new KernelCode(THREADS, box + 16);
    Reg address = code.map(Operand.Q, tensor);
    Address barrier = new Address(code.shared(), box);
    code.once(
        () -> {
          code.add(new Inst.MbarrierInit(barrier, 1));
          code.add(new Inst.FenceMbarrierInit());
        });
    code.add(new Inst.BarSync(0));
    code.once(
        () -> {
          code.add(new Inst.MbarrierExpect(barrier, box));
          code.add(
              new Inst.TmaLoad(
                  new Address(code.shared(), 0), address, corner.coordinates(), barrier));
        });
    Reg parity = code.emit().fresh(Reg.Kind.B32);
    Reg arrived = code.emit().fresh(Reg.Kind.PRED);
    String wait = code.emit().label("wait");
    code.add(new Inst.Mov(parity, new IntConst(0)));
    code.add(new Inst.Label(wait));
    code.add(new Inst.MbarrierTryWait(arrived, barrier, parity));
    code.add(new Inst.Guarded(arrived, true, new Inst.Bra(wait, false)));
    code.dump(box);
    int[] words = new Values(full).words(tensor.bytes() / 4);
    return code.golden(full, tensor, Values.bytes(words), box);
  }

  private static GoldenCase store(String name, TensorBox tensor, Corner corner) {
    String full = "tma.store." + name;
    int box = tensor.boxBytes();
    KernelCode code = new KernelCode(THREADS, box);
    Reg address = code.map(Operand.O, tensor);
    code.fill(box);
    code.add(new Inst.FenceProxyAsync());
    code.add(new Inst.BarSync(0));
    code.once(
        () -> {
          code.add(new Inst.TmaStore(address, corner.coordinates(), new Address(code.shared(), 0)));
          code.add(new Inst.TmaStoreCommit());
          code.add(new Inst.TmaStoreWait(0, false));
        });
    return code.golden(full, tensor, Values.bytes(new Values(full).words(box / 4)), tensor.bytes());
  }

  /** Copies of 16 bytes, of which so many are read: all numbers from none to all. */
  private static GoldenCase async() {
    String name = "cp_async";
    Values values = new Values(name);
    int bytes = 2 * 16 * THREADS;
    KernelCode code = new KernelCode(THREADS, bytes);
    code.fill(bytes);
    code.add(new Inst.BarSync(0));
    Reg valid = code.next(Reg.Kind.B32);
    Reg from = code.emit().madWide(code.thread(), new IntConst(32), code.input());
    Reg to = (Reg) code.emit().mad(Ty.S32, code.thread(), new IntConst(32), code.shared());
    code.add(new Inst.CpAsync(new Address(to, 0), new Address(from, 16), Optional.of(valid)));
    code.add(new Inst.CpAsync(new Address(to, 16), new Address(from, 0), Optional.empty()));
    code.add(new Inst.CpAsyncCommit());
    code.add(new Inst.CpAsyncWait(0));
    code.add(new Inst.BarSync(0));
    code.dump(bytes);
    int[] counts = Arrays.stream(values.permutation(THREADS)).map(i -> i % 17).toArray();
    byte[] input = Values.join(Values.bytes(values.words(bytes / 4)), Values.bytes(counts));
    return code.golden(name, input, Agreement.BITS);
  }
}
