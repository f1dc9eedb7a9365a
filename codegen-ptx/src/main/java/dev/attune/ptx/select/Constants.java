package dev.attune.ptx.select;

import dev.attune.ptx.Inst.FloatOp;
import dev.attune.ptx.Inst.IntOp;
import dev.attune.ptx.Inst.Ty;
import dev.attune.ptx.Reg;

/** Operations on constants, with the results the instructions would have. */
final class Constants {
  private Constants() {}

  static long fold(IntOp op, Ty type, long a, long b) {
    long value =
        switch (op) {
          case ADD -> a + b;
          case SUB -> a - b;
          case MUL -> a * b;
          case DIV -> a / b;
          case REM -> a % b;
          case MIN -> Math.min(a, b);
          case MAX -> Math.max(a, b);
          case AND -> a & b;
          case OR -> a | b;
          case XOR -> a ^ b;
          case SHL -> b > 63 ? 0 : a << b;
          case SHR -> a >> Math.min(b, 63);
        };
    return type.kind() == Reg.Kind.B32 ? (int) value : value;
  }

  static float fold(FloatOp op, float a, float b) {
    return switch (op) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case MIN -> Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.min(a, b);
      case MAX -> Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.max(a, b);
    };
  }
}
