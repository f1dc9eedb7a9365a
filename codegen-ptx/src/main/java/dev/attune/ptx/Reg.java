package dev.attune.ptx;

/** A virtual register. The declarations of a kernel follow from the registers its code names. */
public record Reg(Kind kind, int id) implements Operand {

  /** What a register holds. */
  public enum Kind {
    PRED("p", "pred"),
    B32("r", "b32"),
    B64("rd", "b64"),
    F32("f", "f32");

    private final String prefix;
    private final String ptx;

    Kind(String prefix, String ptx) {
      this.prefix = prefix;
      this.ptx = ptx;
    }

    /** First letters of the register's name. */
    public String prefix() {
      return prefix;
    }

    /** Size of the value; 0 for a predicate. */
    public int bytes() {
      return switch (this) {
        case PRED -> 0;
        case B32, F32 -> 4;
        case B64 -> 8;
      };
    }

    /** The type in its declaration. */
    public String ptx() {
      return ptx;
    }
  }

  @Override
  public String text() {
    return "%" + kind.prefix + id;
  }
}
