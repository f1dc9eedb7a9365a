package dev.attune.ptx.select;

import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import org.jspecify.annotations.Nullable;

/**
 * The sequence that an item is of, or the residue class of one.
 *
 * @param b its number
 * @param queries Sq
 * @param keys Skv
 * @param firstQuery the token of Q and O at which it begins; none where batch strides say
 * @param firstKey the token of K and V at which it begins
 * @param residue the class, whose lengths the others then are; none where it is a whole sequence
 */
public record Sequence(
    Reg b,
    Operand queries,
    Operand keys,
    @Nullable Reg firstQuery,
    @Nullable Reg firstKey,
    @Nullable Reg residue) {

  /** A whole sequence. */
  public Sequence(
      Reg b, Operand queries, Operand keys, @Nullable Reg firstQuery, @Nullable Reg firstKey) {
    this(b, queries, keys, firstQuery, firstKey, null);
  }

  /** A residue class of a sequence of a dense batch. */
  public static Sequence of(Reg b, Reg residue, Operand queries, Operand keys) {
    return new Sequence(b, queries, keys, null, null, residue);
  }
}
