package dev.attune.ptx.emulate;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes memory barriers, bulk tensor copies, fences and what else came with {@code sm_90}. */
final class HopperDecoder {
  private static final int LEAST_REGISTERS = 24;
  private static final int MOST_REGISTERS = 256;

  private static final List<String> PRIORITIES =
      List.of("L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged");

  private HopperDecoder() {}

  static Instruction decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    return switch (m.root()) {
      case "mbarrier" -> mbarrier(b, m, o);
      case "setmaxnreg" -> registers(b, m, o);
      case "elect" -> elect(b, m, o);
      case "createpolicy" -> policy(b, m, o);
      default -> prefetch(b, m, o);
    };
  }

  private record Place(int base, int offset) {}

  private static Place shared(EntryBuilder b, Operand operand) {
    Operand.Address address = Decoder.address(b, operand);
    int offset = (int) address.offset();
    if (offset != address.offset()) {
      throw b.error("the offset does not fit shared memory");
    }
    return new Place(b.source(address.base(), PtxType.U32), offset);
  }

  private static Instruction mbarrier(EntryBuilder b, Modifiers m, List<Operand> o) {
    String action = m.oneOf("init", "inval", "arrive", "try_wait");
    boolean expect = action.equals("arrive") && m.take("expect_tx");
    if (action.equals("try_wait")) {
      m.require("parity");
    }
    if (action.equals("arrive") || action.equals("try_wait")) {
      // What these say by default.
      boolean ordered = action.equals("arrive") ? m.take("release") : m.take("acquire");
      if (ordered) {
        m.require("cta");
      }
    }
    m.oneOf("shared::cta", "shared");
    m.require("b64");
    m.finish();
    b.sharedAccess(8);
    return switch (action) {
      case "init" -> {
        Decoder.count(b, o, 2, 2);
        Place place = shared(b, o.get(0));
        int count = b.source(o.get(1), PtxType.U32);
        yield new MbarrierOp.Init(b.header(), place.base, place.offset, count);
      }
      case "inval" -> {
        Decoder.count(b, o, 1, 1);
        Place place = shared(b, o.get(0));
        yield new MbarrierOp.Invalidate(b.header(), place.base, place.offset);
      }
      case "arrive" -> {
        Decoder.count(b, o, expect ? 3 : 2, 3);
        if (!b.isSink(o.get(0))) {
          throw m.unsupported("only the destination _ is supported");
        }
        Place place = shared(b, o.get(1));
        int last = o.size() == 3 ? b.source(o.get(2), PtxType.U32) : -1;
        int count = expect || last < 0 ? b.intConstant(1) : last;
        int bytes = expect ? last : b.intConstant(0);
        yield new MbarrierOp.Arrive(b.header(), place.base, place.offset, count, bytes);
      }
      default -> {
        Decoder.count(b, o, 3, 4);
        int d = b.targetPredicate(o.get(0));
        Place place = shared(b, o.get(1));
        int parity = b.source(o.get(2), PtxType.U32);
        if (o.size() == 4) {
          b.source(o.get(3), PtxType.U32);
        }
        yield new MbarrierOp.TryWait(b.header(), d, place.base, place.offset, parity);
      }
    };
  }

  private static Instruction registers(EntryBuilder b, Modifiers m, List<Operand> o) {
    boolean increase = m.oneOf("inc", "dec").equals("inc");
    m.require("sync");
    m.require("aligned");
    m.require("u32");
    m.finish();
    Decoder.count(b, o, 1, 1);
    int count = MemoryDecoder.constant(b, o.get(0));
    if (count < LEAST_REGISTERS || count > MOST_REGISTERS || count % 8 != 0) {
      throw b.error("setmaxnreg takes 24 to 256 in steps of 8, found " + count);
    }
    return new SetRegisters(b.header(), count, increase);
  }

  private static Instruction elect(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("sync");
    m.finish();
    Decoder.count(b, o, 2, 2);
    if (!(o.get(0) instanceof Operand.Pair pair)) {
      throw b.error("expected a register and a predicate, as in _|p, found " + o.get(0));
    }
    int d = b.isSink(pair.first()) ? -1 : b.target(pair.first(), PtxType.B32);
    int elected = b.targetPredicate(pair.second());
    int members = b.source(o.get(1), PtxType.B32);
    return new WarpCollective.Elect(b.header(), d, elected, members);
  }

  private static Instruction policy(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.require("fractional");
    String priority = m.oneOf(PRIORITIES.toArray(new String[0]));
    m.require("b64");
    m.finish();
    Decoder.count(b, o, 1, 2);
    if (o.size() == 2) {
      double fraction =
          switch (o.get(1)) {
            case Operand.Real real -> real.value();
            case Operand.Single single -> Float.intBitsToFloat(single.bits());
            default -> throw b.error("expected a fraction, found " + o.get(1));
          };
      if (!(fraction > 0 && fraction <= 1)) {
        throw b.error("expected a fraction in (0, 1], found " + fraction);
      }
    }
    int d = b.target(o.get(0), PtxType.B64);
    int value = b.longConstant(BulkCopy.POLICY | PRIORITIES.indexOf(priority));
    return new LongOp(b.header(), LongOp.Kind.MOV, d, value, value, 0);
  }

  private static Instruction prefetch(EntryBuilder b, Modifiers m, List<Operand> o) {
    m.take("param");
    m.require("tensormap");
    m.finish();
    Decoder.count(b, o, 1, 1);
    Operand.Address address = Decoder.address(b, o.get(0));
    int base = b.source(address.base(), PtxType.U64);
    return new BulkCopy.Prefetch(b.header(), base, address.offset());
  }

  /** What follows {@code cp.async.bulk}. */
  static Instruction bulk(EntryBuilder b, Modifiers m, List<Operand> o) {
    if (m.take("commit_group")) {
      m.finish();
      Decoder.count(b, o, 0, 0);
      return new BulkCopy.Commit(b.header());
    }
    if (m.take("wait_group")) {
      boolean readOnly = m.take("read");
      m.finish();
      Decoder.count(b, o, 1, 1);
      int leave = MemoryDecoder.constant(b, o.get(0));
      return new BulkCopy.Wait(b.header(), leave, readOnly);
    }
    m.require("tensor");
    int rank = m.oneOf("4d", "5d").charAt(0) - '0';
    boolean store = m.take("global");
    if (store) {
      m.require("shared::cta");
    } else {
      m.oneOf("shared::cluster", "shared::cta");
      m.require("global");
    }
    m.take("tile");
    m.require(store ? "bulk_group" : "mbarrier::complete_tx::bytes");
    boolean hint = m.take("L2::cache_hint");
    m.finish();
    int count = (store ? 2 : 3) + (hint ? 1 : 0);
    Decoder.count(b, o, count, count);
    Operand tensor = o.get(store ? 0 : 1);
    Place place = shared(b, o.get(store ? 1 : 0));
    Place barrier = store ? place : shared(b, o.get(2));
    BulkCopy.Source source = source(b, tensor, rank, hint ? o.get(count - 1) : null);
    return store
        ? new BulkCopy.Store(b.header(), source, place.base, place.offset)
        : new BulkCopy.Load(
            b.header(), place.base, place.offset, source, barrier.base, barrier.offset);
  }

  private static BulkCopy.Source source(
      EntryBuilder b, Operand operand, int rank, @Nullable Operand policy) {
    if (!(operand instanceof Operand.Tensor tensor)) {
      throw b.error("expected a tensor map and coordinates in brackets, found " + operand);
    }
    int base = b.source(tensor.map().base(), PtxType.U64);
    int[] coordinates = Decoder.vector(b, tensor.coordinates(), rank, PtxType.S32, false);
    int hint = policy == null ? -1 : b.source(policy, PtxType.B64);
    return new BulkCopy.Source(base, tensor.map().offset(), coordinates, hint);
  }

  /** {@code fence} and {@code membar}. */
  static Instruction fence(EntryBuilder b, Modifiers m, List<Operand> o) {
    Fence.@Nullable Kind kind;
    if (m.root().equals("membar")) {
      kind = m.oneOf("cta", "gl", "sys").equals("cta") ? null : Fence.Kind.DEVICE;
    } else if (m.take("mbarrier_init")) {
      m.require("release");
      m.require("cluster");
      kind = Fence.Kind.BARRIER_INIT;
    } else if (m.take("proxy")) {
      m.require("async");
      kind = m.take("global") ? null : Fence.Kind.PROXY;
      if (!m.take("shared::cta")) {
        m.take("shared::cluster");
      }
    } else {
      m.oneOf("sc", "acq_rel");
      kind = m.oneOf("cta", "cluster", "gpu", "sys").startsWith("c") ? null : Fence.Kind.DEVICE;
    }
    m.finish();
    Decoder.count(b, o, 0, 0);
    return kind == null ? new Control.Nothing(b.header()) : new Fence(b.header(), kind);
  }
}
