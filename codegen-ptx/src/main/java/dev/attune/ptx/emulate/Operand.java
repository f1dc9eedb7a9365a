package dev.attune.ptx.emulate;

import java.util.List;
import java.util.stream.Collectors;

/** An operand as written. Printing gives PTX again, for messages. */
sealed interface Operand {

  /** A register, special register, symbol or label; {@code _} is the sink. */
  record Name(String text) implements Operand {
    @Override
    public String toString() {
      return text;
    }
  }

  /** A symbol plus a constant. */
  record Offset(String symbol, long offset) implements Operand {
    @Override
    public String toString() {
      return symbol + "+" + offset;
    }
  }

  /** An integer constant. */
  record Int(long value) implements Operand {
    @Override
    public String toString() {
      return Long.toString(value);
    }
  }

  /** A floating-point constant given by its binary32 bits. */
  record Single(int bits) implements Operand {
    @Override
    public String toString() {
      return String.format(java.util.Locale.ROOT, "0f%08X", bits);
    }
  }

  /** A floating-point constant in decimal or by its binary64 bits. */
  record Real(double value) implements Operand {
    @Override
    public String toString() {
      return Double.toString(value);
    }
  }

  /** {@code [base + offset]}. */
  record Address(Operand base, long offset) implements Operand {
    @Override
    public String toString() {
      return "[" + base + "+" + offset + "]";
    }
  }

  /** {@code [map, {x, y, …}]}. */
  record Tensor(Address map, Vector coordinates) implements Operand {
    @Override
    public String toString() {
      return "[" + map + ", " + coordinates + "]";
    }
  }

  /** {@code {a, b, …}}. */
  record Vector(List<Operand> elements) implements Operand {
    @Override
    public String toString() {
      return elements.stream().map(Operand::toString).collect(Collectors.joining(", ", "{", "}"));
    }
  }

  /** {@code !p}. */
  record Not(Operand operand) implements Operand {
    @Override
    public String toString() {
      return "!" + operand;
    }
  }

  /** {@code p|q}. */
  record Pair(Operand first, Operand second) implements Operand {
    @Override
    public String toString() {
      return first + "|" + second;
    }
  }
}
