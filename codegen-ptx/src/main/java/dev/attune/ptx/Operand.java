package dev.attune.ptx;

import java.util.Locale;

/** What an instruction may read: a register or a constant. */
public sealed interface Operand permits Reg, Operand.IntConst, Operand.FloatConst {

  /** The operand as PTX text. */
  String text();

  /** An integer constant. */
  record IntConst(long value) implements Operand {
    @Override
    public String text() {
      return Long.toString(value);
    }
  }

  /** A binary32 constant, printed bit for bit. */
  record FloatConst(float value) implements Operand {
    @Override
    public String text() {
      return String.format(Locale.ROOT, "0f%08X", Float.floatToRawIntBits(value));
    }
  }
}
