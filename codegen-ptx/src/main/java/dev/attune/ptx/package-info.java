/**
 * The PTX instruction set as data (PTX ISA 8.0), with one printer and one verifier over a closed
 * vocabulary.
 */
@NullMarked
package dev.attune.ptx;

import org.jspecify.annotations.NullMarked;
