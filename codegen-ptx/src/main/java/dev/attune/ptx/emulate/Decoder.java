package dev.attune.ptx.emulate;

import java.util.List;

/** Turns a statement into an instruction, or refuses it. */
final class Decoder {
  private Decoder() {}

  static void decode(EntryBuilder b, Modifiers m, List<Operand> o) {
    Instruction instruction =
        switch (m.root()) {
          case "bra", "ret", "exit", "trap", "bar", "barrier", "membar", "fence", "nanosleep" ->
              SyncDecoder.control(b, m, o);
          case "shfl", "vote", "redux", "activemask" -> SyncDecoder.collective(b, m, o);
          case "ld", "st", "atom", "red", "cp", "ldmatrix", "stmatrix", "mma", "cvta" ->
              MemoryDecoder.decode(b, m, o);
          case "wgmma" -> WarpgroupDecoder.decode(b, m, o);
          case "mbarrier", "setmaxnreg", "elect", "createpolicy", "prefetch" ->
              HopperDecoder.decode(b, m, o);
          case "mov", "setp", "selp", "cvt" -> DataDecoder.decode(b, m, o);
          default -> ArithmeticDecoder.decode(b, m, o);
        };
    b.add(instruction);
  }

  /** The operands must be this many. */
  static void count(EntryBuilder b, List<Operand> operands, int least, int most) {
    if (operands.size() < least || operands.size() > most) {
      throw b.error(
          "expected "
              + (least == most ? "" + least : least + " to " + most)
              + " operands, found "
              + operands.size());
    }
  }

  static Operand.Address address(EntryBuilder b, Operand operand) {
    if (operand instanceof Operand.Address address) {
      return address;
    }
    throw b.error("expected an address in brackets, found " + operand);
  }

  /** Offsets of the elements of a braced vector, read or written. */
  static int[] vector(EntryBuilder b, Operand operand, int size, PtxType type, boolean write) {
    if (!(operand instanceof Operand.Vector vector) || vector.elements().size() != size) {
      throw b.error("expected " + size + " registers in braces, found " + operand);
    }
    return vector.elements().stream()
        .mapToInt(element -> write ? b.target(element, type) : b.source(element, type))
        .toArray();
  }
}
