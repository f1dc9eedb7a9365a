/**
 * Masks as pictures: the tiles of the score matrix coloured by what the analysis says of them, as
 * SVG or PNG.
 */
@NullMarked
package dev.attune.cli.picture;

import org.jspecify.annotations.NullMarked;
