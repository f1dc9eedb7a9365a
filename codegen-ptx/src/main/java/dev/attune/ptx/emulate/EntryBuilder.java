package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Collects an entry while its text is read: registers, constants, shared arrays, instructions. */
final class EntryBuilder {
  private final List<Instruction> code = new ArrayList<>();
  private final List<Runnable> fixups = new ArrayList<>();
  private final Map<Integer, Integer> intConstants = new LinkedHashMap<>();
  private final Map<Long, Integer> longConstants = new LinkedHashMap<>();
  private final Map<Special, Integer> specials = new LinkedHashMap<>();
  private final Map<Symbol.SharedArray, Integer> sharedOffsets = new HashMap<>();
  private final List<String> registerNames = new ArrayList<>();
  private int intSlots = Program.SCRATCH_SLOTS;
  private int longSlots = Program.SCRATCH_SLOTS;
  private int predicateSlots = 2;
  private int sharedBytes;
  private int dynamicAlignment = 1;
  private int sharedGranule = 16;

  // The instruction being decoded.
  private Scope scope;
  private int line;
  private String text = "";
  private @Nullable String tileOperation;
  private int guard = Header.UNGUARDED;
  private boolean guardNegated;
  private final List<Integer> reads = new ArrayList<>();
  private final List<Integer> writes = new ArrayList<>();

  EntryBuilder(Scope scope) {
    this.scope = scope;
  }

  int line() {
    return line;
  }

  PtxSyntaxException error(String message) {
    return new PtxSyntaxException(line, message + " in '" + text + "'");
  }

  int size() {
    return code.size();
  }

  Symbol.Register declare(String name, PtxType type) {
    int slot =
        switch (type.bits) {
          case 1 -> predicateSlots++;
          case 16, 32 -> intSlots++;
          default -> longSlots++;
        };
    registerNames.add(name);
    return new Symbol.Register(name, type, slot, registerNames.size() - 1);
  }

  void begin(Scope inScope, int atLine, String statement, @Nullable String operation) {
    scope = inScope;
    line = atLine;
    text = statement;
    tileOperation = operation;
    guard = Header.UNGUARDED;
    guardNegated = false;
    reads.clear();
    writes.clear();
  }

  void guard(String name, boolean negated) {
    guard = predicate(name).slot();
    guardNegated = negated;
    reads.add(predicate(name).id());
  }

  /** The header of the instruction whose operands have been resolved. */
  Header header() {
    return new Header(
        line, text, tileOperation, guard, guardNegated, distinct(reads), distinct(writes));
  }

  private static int[] distinct(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).distinct().toArray();
  }

  void add(Instruction instruction) {
    code.add(instruction);
  }

  /** Runs when the whole entry has been read; labels are known then. */
  void later(Runnable fixup) {
    fixups.add(fixup);
  }

  int target(Scope from, String label, int atLine) {
    Integer index = from.label(label);
    if (index == null) {
      throw new PtxSyntaxException(atLine, "there is no label '" + label + "'");
    }
    return index;
  }

  Scope scope() {
    return scope;
  }

  void sharedAccess(int bytes) {
    sharedGranule = Math.min(sharedGranule, bytes);
  }

  Program build() {
    fixups.forEach(Runnable::run);
    int[] ints = new int[intSlots * 32];
    intConstants.forEach(
        (value, slot) -> java.util.Arrays.fill(ints, slot * 32, (slot * 32) + 32, value));
    long[] longs = new long[longSlots * 32];
    longConstants.forEach(
        (value, slot) -> java.util.Arrays.fill(longs, slot * 32, (slot * 32) + 32, value));
    return new Program(
        code.toArray(new Instruction[0]),
        ints,
        longs,
        predicateSlots,
        registerNames.size(),
        List.copyOf(registerNames),
        specials,
        sharedBytes,
        dynamicAlignment,
        sharedGranule);
  }

  // Operands.

  private Symbol.Register register(String name) {
    Symbol symbol = scope.symbol(name);
    if (symbol instanceof Symbol.Register register) {
      return register;
    }
    throw error("'" + name + "' is not a declared register");
  }

  private Symbol.Register predicate(String name) {
    Symbol.Register register = register(name);
    if (register.type() != PtxType.PRED) {
      throw error("'" + name + "' is not a predicate");
    }
    return register;
  }

  /** Slot of a predicate read, its complement if negated. */
  int sourcePredicate(Operand operand) {
    return switch (operand) {
      case Operand.Name name -> {
        Symbol.Register register = predicate(name.text());
        reads.add(register.id());
        yield register.slot();
      }
      case Operand.Not not -> ~sourcePredicate(not.operand());
      case Operand.Int value -> value.value() == 0 ? Program.FALSE : Program.TRUE;
      default -> throw error("expected a predicate, found " + operand);
    };
  }

  int targetPredicate(Operand operand) {
    if (operand instanceof Operand.Name name) {
      Symbol.Register register = predicate(name.text());
      writes.add(register.id());
      return register.slot();
    }
    throw error("expected a predicate register, found " + operand);
  }

  boolean isSink(Operand operand) {
    return operand instanceof Operand.Name name && name.text().equals("_");
  }

  /** Offset of a register written as {@code type}; the register may not be wider. */
  int target(Operand operand, PtxType type) {
    Symbol.Register register = targetRegister(operand);
    checkType(register, type);
    return register.slot() * 32;
  }

  /** A register written by an instruction that converts to its width. */
  Symbol.Register targetRegister(Operand operand) {
    if (operand instanceof Operand.Name name) {
      Symbol.Register register = register(name.text());
      writes.add(register.id());
      return register;
    }
    throw error("expected a register, found " + operand);
  }

  /** A register read by an instruction that converts from its width. */
  Symbol.Register sourceRegister(Operand operand) {
    if (operand instanceof Operand.Name name) {
      Symbol.Register register = register(name.text());
      reads.add(register.id());
      return register;
    }
    throw error("expected a register, found " + operand);
  }

  /** Offset of a value read as {@code type}, in the file of its width. */
  int source(Operand operand, PtxType type) {
    return switch (operand) {
      case Operand.Name name when scope.symbol(name.text()) instanceof Symbol.Register -> {
        Symbol.Register register = sourceRegister(operand);
        checkType(register, type);
        yield register.slot() * 32;
      }
      case Operand.Name name -> named(name.text(), 0, type);
      case Operand.Offset offset -> named(offset.symbol(), offset.offset(), type);
      case Operand.Int value -> integer(value.value(), type);
      case Operand.Single value -> single(value.bits(), type);
      case Operand.Real value -> single(Float.floatToRawIntBits((float) value.value()), type);
      default -> throw error("expected a register or a constant, found " + operand);
    };
  }

  /** Whether the operand names a register, of any type. */
  boolean isRegister(Operand operand) {
    return operand instanceof Operand.Name name
        && scope.symbol(name.text()) instanceof Symbol.Register;
  }

  private void checkType(Symbol.Register register, PtxType type) {
    PtxType found = register.type();
    boolean fits =
        found.bits == type.bits
            && (found.kind == PtxType.Kind.BITS
                || type.kind == PtxType.Kind.BITS
                || (found.isInteger() && type.isInteger())
                || found == type);
    if (!fits) {
      throw error(
          "'" + register.name() + "' is ." + found + ", which does not fit an operand of ." + type);
    }
  }

  private int integer(long value, PtxType type) {
    if (type.isFloat()) {
      throw error("expected a floating-point constant, found the integer " + value);
    }
    if (type.bits == 64) {
      return longConstant(value);
    }
    if (value < -(1L << (type.bits - 1)) || value >= 1L << type.bits) {
      throw error("the constant " + value + " does not fit ." + type);
    }
    return intConstant(type.bits == 16 ? (int) value & 0xFFFF : (int) value);
  }

  private int single(int bits, PtxType type) {
    if (type != PtxType.F32 && type != PtxType.B32) {
      throw error("a binary32 constant does not fit an operand of ." + type);
    }
    return intConstant(bits);
  }

  int intConstant(int value) {
    return intConstants.computeIfAbsent(value, key -> intSlots++) * 32;
  }

  int longConstant(long value) {
    return longConstants.computeIfAbsent(value, key -> longSlots++) * 32;
  }

  private int named(String name, long offset, PtxType type) {
    if (offset == 0) {
      for (Special.Kind kind : Special.Kind.values()) {
        if (kind.text.equals(name)) {
          return narrowSpecial(special(kind, 0), type);
        }
      }
    }
    Symbol symbol = scope.symbol(name);
    return switch (symbol) {
      case Symbol.SharedArray array when type.bits == 32 ->
          intConstant(Math.toIntExact(sharedOffset(array) + offset));
      case Symbol.SharedArray array when type.bits == 64 ->
          longConstant(sharedOffset(array) + offset);
      case Symbol.DynamicShared dynamic when type.bits == 32 -> dynamicShared(dynamic, offset);
      case Symbol.Parameter p when type.bits == 64 -> longConstant(p.parameter().offset() + offset);
      case null -> throw error("'" + name + "' is not declared");
      default -> throw error("'" + name + "' cannot be used as an operand of ." + type);
    };
  }

  private int narrowSpecial(int slot, PtxType type) {
    if (type.bits != 32 || type.isFloat()) {
      throw error("a special register is a 32-bit integer, which does not fit ." + type);
    }
    return slot;
  }

  private int special(Special.Kind kind, int offset) {
    return specials.computeIfAbsent(new Special(kind, offset), key -> intSlots++) * 32;
  }

  int dynamicShared(Symbol.DynamicShared dynamic, long offset) {
    dynamicAlignment = Math.max(dynamicAlignment, dynamic.alignment());
    return special(Special.Kind.DYNAMIC_SHARED, Math.toIntExact(offset));
  }

  private int sharedOffset(Symbol.SharedArray array) {
    return sharedOffsets.computeIfAbsent(array, this::placeShared);
  }

  private int placeShared(Symbol.SharedArray array) {
    int start = align(sharedBytes, array.alignment());
    sharedBytes = Math.addExact(start, array.bytes());
    return start;
  }

  static int align(int value, int alignment) {
    return Math.ceilDiv(value, alignment) * alignment;
  }
}
