package dev.attune.ptx.emulate;

import java.util.Arrays;
import java.util.List;

/** An opcode such as {@code add.rn.ftz.f32}, taken apart from left to right. */
final class Modifiers {
  private final String opcode;
  private final int line;
  private final List<String> parts;
  private int next = 1;

  Modifiers(int line, String opcode) {
    this.line = line;
    this.opcode = opcode;
    this.parts = Arrays.asList(opcode.split("\\.", -1));
  }

  String root() {
    return parts.get(0);
  }

  /** Takes the next modifier if it is this one. */
  boolean take(String modifier) {
    if (next < parts.size() && parts.get(next).equals(modifier)) {
      next++;
      return true;
    }
    return false;
  }

  void require(String modifier) {
    if (!take(modifier)) {
      throw unsupported("expected ." + modifier);
    }
  }

  /** Takes the next modifier, whatever it is. */
  String word() {
    if (next == parts.size()) {
      throw unsupported("expected another modifier");
    }
    return parts.get(next++);
  }

  /** Takes the next modifier, which must be one of these. */
  String oneOf(String... choices) {
    for (String choice : choices) {
      if (take(choice)) {
        return choice;
      }
    }
    throw unsupported("expected one of ." + String.join(", .", choices));
  }

  PtxType type() {
    PtxType type = next < parts.size() ? PtxType.parse(parts.get(next)) : null;
    if (type == null) {
      throw unsupported("expected a type");
    }
    next++;
    return type;
  }

  /** All modifiers must have been taken. */
  void finish() {
    if (next < parts.size()) {
      throw unsupported("the modifier ." + parts.get(next) + " is not supported here");
    }
  }

  PtxSyntaxException unsupported(String why) {
    return new PtxSyntaxException(line, "in '" + opcode + "': " + why);
  }
}
