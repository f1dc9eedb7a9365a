package dev.attune.ptx.emulate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/** Reads a module: directives, entries with their declarations, labels and instructions. */
final class PtxParser {
  private final String source;
  private final List<Token> tokens;
  private final NavigableMap<Integer, String> tileOperations;
  private int at;

  private final Scope moduleScope = new Scope(null);
  private String target = "";

  PtxParser(String source) {
    this.source = source;
    Lexer lexer = new Lexer(source);
    this.tokens = lexer.tokens();
    this.tileOperations = lexer.tileOperations();
  }

  EmulatedModule module() {
    Map<String, EmulatedEntry> entries = new LinkedHashMap<>();
    expect(".version");
    number();
    expect(".target");
    target = word("a target such as sm_80");
    expect(".address_size");
    if (integer() != 64) {
      throw error("expected the address size 64");
    }
    while (peek().kind() != Token.Kind.END) {
      boolean external = accept(".extern");
      boolean visible = !external && accept(".visible");
      if (accept(".shared")) {
        shared(moduleScope, external);
      } else if (!external && accept(".entry")) {
        EmulatedEntry entry = entry();
        if (entries.put(entry.name(), entry) != null) {
          throw error("entry '" + entry.name() + "' is defined twice");
        }
      } else {
        throw error("expected " + (visible ? ".entry" : ".entry or .shared"));
      }
    }
    return new EmulatedModule(target, entries);
  }

  private EmulatedEntry entry() {
    String name = word("the name of the entry");
    Scope scope = new Scope(moduleScope);
    List<EntryParameter> parameters = parameters(scope);
    @Nullable Dim3 required = null;
    @Nullable Dim3 most = null;
    while (!peek().is("{")) {
      String directive = word("a directive or {");
      switch (directive) {
        case ".reqntid" -> required = extents();
        case ".maxntid" -> most = extents();
        case ".minnctapersm", ".maxnreg" -> integer();
        default -> throw errorAtPrevious("the directive " + directive + " is not supported");
      }
    }
    EntryBuilder builder = new EntryBuilder(scope);
    body(builder, scope);
    return new EmulatedEntry(name, parameters, required, most, builder.build(), target);
  }

  private Dim3 extents() {
    int[] extent = {1, 1, 1};
    int count = 0;
    do {
      if (count == 3) {
        throw error("expected at most three extents");
      }
      extent[count++] = Math.toIntExact(integer());
    } while (accept(","));
    return new Dim3(extent[0], extent[1], extent[2]);
  }

  private List<EntryParameter> parameters(Scope scope) {
    List<EntryParameter> parameters = new ArrayList<>();
    int offset = 0;
    if (accept("(") && !accept(")")) {
      do {
        expect(".param");
        int alignment = 0;
        if (accept(".align")) {
          alignment = powerOfTwo();
        }
        PtxType type = declaredType();
        String name = word("the name of a parameter");
        int size = type.bytes();
        if (accept("[")) {
          size = Math.multiplyExact(size, Math.toIntExact(integer()));
          expect("]");
        }
        alignment = Math.max(alignment, type.bytes());
        offset = EntryBuilder.align(offset, alignment);
        EntryParameter parameter = new EntryParameter(name, offset, size, alignment);
        parameters.add(parameter);
        scope.declare(previous().line(), name, new Symbol.Parameter(parameter));
        offset += size;
      } while (accept(","));
      expect(")");
    }
    return List.copyOf(parameters);
  }

  private void body(EntryBuilder builder, Scope entryScope) {
    expect("{");
    Scope scope = entryScope;
    while (true) {
      Token token = peek();
      if (accept("{")) {
        scope = new Scope(scope);
      } else if (accept("}")) {
        if (scope == entryScope) {
          return;
        }
        Scope outer = scope.parent();
        scope = outer == null ? entryScope : outer;
      } else if (accept(".reg")) {
        registers(builder, scope);
      } else if (accept(".shared")) {
        shared(scope, false);
      } else if (accept(".pragma")) {
        at++;
        expect(";");
      } else if (token.kind() == Token.Kind.WORD && tokens.get(at + 1).is(":")) {
        at += 2;
        scope.label(token.line(), token.text(), builder.size());
      } else {
        instruction(builder, scope);
      }
    }
  }

  private void registers(EntryBuilder builder, Scope scope) {
    PtxType type = declaredType();
    if (type.bits == 8 || type == PtxType.F64) {
      throw errorAtPrevious("registers of type ." + type + " are not supported");
    }
    do {
      String name = word("a register name");
      int line = previous().line();
      if (accept("<")) {
        long count = integer();
        expect(">");
        for (long i = 0; i < count; i++) {
          scope.declare(line, name + i, builder.declare(name + i, type));
        }
      } else {
        scope.declare(line, name, builder.declare(name, type));
      }
    } while (accept(","));
    expect(";");
  }

  private void shared(Scope scope, boolean external) {
    int alignment = accept(".align") ? powerOfTwo() : 1;
    PtxType type = declaredType();
    String name = word("the name of a shared array");
    int line = previous().line();
    alignment = Math.max(alignment, type.bytes());
    long count = 1;
    boolean open = false;
    if (accept("[")) {
      open = peek().is("]");
      count = open ? 0 : integer();
      expect("]");
    }
    expect(";");
    if (open != external) {
      throw new PtxSyntaxException(
          line, "a shared array without a size must be .extern, one with a size must not");
    }
    scope.declare(
        line,
        name,
        external
            ? new Symbol.DynamicShared(name, alignment)
            : new Symbol.SharedArray(
                name, alignment, Math.toIntExact(Math.multiplyExact(count, type.bytes()))));
  }

  private PtxType declaredType() {
    String text = word("a type");
    PtxType type = text.startsWith(".") ? PtxType.parse(text.substring(1)) : null;
    if (type == null) {
      throw errorAtPrevious("expected a type, found '" + text + "'");
    }
    return type;
  }

  private void instruction(EntryBuilder builder, Scope scope) {
    Token first = peek();
    @Nullable Token guard = null;
    boolean negated = false;
    if (accept("@")) {
      negated = accept("!");
      guard = next();
    }
    Token opcode = next();
    if (opcode.kind() != Token.Kind.WORD || opcode.text().startsWith(".")) {
      at--;
      throw error("expected an instruction");
    }
    List<Operand> operands = new ArrayList<>();
    if (!peek().is(";")) {
      do {
        operands.add(operand());
      } while (accept(","));
    }
    expect(";");
    String statement = source.substring(first.start(), previous().end()).replaceAll("\\s+", " ");
    Map.Entry<Integer, String> operation = tileOperations.floorEntry(first.line());
    builder.begin(scope, first.line(), statement, operation == null ? null : operation.getValue());
    if (guard != null) {
      builder.guard(guard.text(), negated);
    }
    Decoder.decode(builder, new Modifiers(opcode.line(), opcode.text()), operands);
  }

  private Operand operand() {
    Operand operand;
    if (accept("[")) {
      operand = address();
    } else if (accept("{")) {
      List<Operand> elements = new ArrayList<>();
      do {
        elements.add(operand());
      } while (accept(","));
      expect("}");
      operand = new Operand.Vector(List.copyOf(elements));
    } else if (accept("!")) {
      operand = new Operand.Not(new Operand.Name(word("a predicate")));
    } else {
      operand = simple();
    }
    if (accept("|")) {
      return new Operand.Pair(operand, new Operand.Name(word("a predicate")));
    }
    return operand;
  }

  private Operand simple() {
    Token token = peek();
    if (token.kind() == Token.Kind.NUMBER || token.is("-")) {
      return constant();
    }
    String name = word("an operand");
    if (accept("+")) {
      return new Operand.Offset(name, integer());
    }
    return new Operand.Name(name);
  }

  private Operand address() {
    Operand.Address address = baseAndOffset();
    if (accept(",")) {
      Operand coordinates = operand();
      if (!(coordinates instanceof Operand.Vector vector)) {
        throw errorAtPrevious("expected coordinates in braces");
      }
      expect("]");
      return new Operand.Tensor(address, vector);
    }
    expect("]");
    return address;
  }

  private Operand.Address baseAndOffset() {
    Operand base = simple();
    if (base instanceof Operand.Offset offset) {
      return new Operand.Address(new Operand.Name(offset.symbol()), offset.offset());
    }
    return new Operand.Address(base, peek().is("-") ? integer() : 0);
  }

  private Operand constant() {
    boolean negative = accept("-");
    String text = next().text();
    if (text.startsWith("0f") || text.startsWith("0F")) {
      int bits = Math.toIntExact(digits(text.substring(2), 16, 8));
      return new Operand.Single(negative ? bits ^ Integer.MIN_VALUE : bits);
    }
    if (text.startsWith("0d") || text.startsWith("0D")) {
      double value = Double.longBitsToDouble(digits(text.substring(2), 16, 16));
      return new Operand.Real(negative ? -value : value);
    }
    if (text.indexOf('.') >= 0) {
      try {
        double value = Double.parseDouble(text);
        return new Operand.Real(negative ? -value : value);
      } catch (NumberFormatException e) {
        throw errorAtPrevious("'" + text + "' is not a number");
      }
    }
    long value = unsigned(text);
    return new Operand.Int(negative ? -value : value);
  }

  private long digits(String digits, int radix, int exactly) {
    if (digits.length() != exactly) {
      throw errorAtPrevious("expected " + exactly + " hexadecimal digits, found '" + digits + "'");
    }
    long value = parse(digits, radix);
    return exactly == 8 ? (int) value : value;
  }

  private long unsigned(String literal) {
    String text = literal.endsWith("U") ? literal.substring(0, literal.length() - 1) : literal;
    if (text.startsWith("0x") || text.startsWith("0X")) {
      return parse(text.substring(2), 16);
    }
    if (text.startsWith("0b") || text.startsWith("0B")) {
      return parse(text.substring(2), 2);
    }
    return text.length() > 1 && text.startsWith("0") ? parse(text, 8) : parse(text, 10);
  }

  private long parse(String digits, int radix) {
    try {
      return Long.parseUnsignedLong(digits, radix);
    } catch (NumberFormatException e) {
      throw errorAtPrevious("'" + digits + "' is not a number of base " + radix);
    }
  }

  // Tokens.

  private Token peek() {
    return tokens.get(at);
  }

  private Token previous() {
    return tokens.get(Math.max(0, at - 1));
  }

  private Token next() {
    Token token = tokens.get(at);
    if (token.kind() != Token.Kind.END) {
      at++;
    }
    return token;
  }

  private boolean accept(String text) {
    if (peek().is(text)) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(String text) {
    if (!accept(text)) {
      throw error("expected '" + text + "'");
    }
  }

  private String word(String what) {
    if (peek().kind() != Token.Kind.WORD) {
      throw error("expected " + what);
    }
    return next().text();
  }

  private void number() {
    if (next().kind() != Token.Kind.NUMBER) {
      at--;
      throw error("expected a number");
    }
  }

  private long integer() {
    boolean negative = accept("-");
    if (peek().kind() != Token.Kind.NUMBER) {
      throw error("expected an integer");
    }
    long value = unsigned(next().text());
    return negative ? -value : value;
  }

  private int powerOfTwo() {
    long value = integer();
    if (value < 1 || value > 4096 || Long.bitCount(value) != 1) {
      throw errorAtPrevious("expected a power of two");
    }
    return (int) value;
  }

  private PtxSyntaxException error(String message) {
    return new PtxSyntaxException(peek().line(), message + ", found '" + peek().text() + "'");
  }

  private PtxSyntaxException errorAtPrevious(String message) {
    return new PtxSyntaxException(previous().line(), message);
  }
}
