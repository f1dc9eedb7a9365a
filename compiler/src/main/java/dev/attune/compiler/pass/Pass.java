package dev.attune.compiler.pass;

import dev.attune.compiler.tile.TileKernel;
import java.util.function.UnaryOperator;

/**
 * One rewrite of the tile IR.
 *
 * @param name in lower-case words joined by dashes
 * @param summary one line
 */
public record Pass(String name, String summary, UnaryOperator<TileKernel> rewrite) {}
