/** Tests of the reference and of the gates that judge other executors. */
@NullMarked
package dev.attune.compiler.reference;

import org.jspecify.annotations.NullMarked;
