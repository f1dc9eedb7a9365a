package dev.attune.ptx.select;

import dev.attune.ptx.Operand;
import dev.attune.ptx.Reg;
import org.jspecify.annotations.Nullable;

/**
 * The sequence that an item is of.
 *
 * @param b its number
 * @param queries Sq
 * @param keys Skv
 * @param firstQuery the token of Q and O at which it begins; none where batch strides say
 * @param firstKey the token of K and V at which it begins
 */
public record Sequence(
    Reg b, Operand queries, Operand keys, @Nullable Reg firstQuery, @Nullable Reg firstKey) {}
