/**
 * From PTX text to machine code, on any machine: NVIDIA's PTX compiler as a library, which needs
 * neither a driver nor a GPU nor the CUDA toolkit, and the safe loading of the native libraries
 * that JCuda brings.
 */
@NullMarked
package dev.attune.ptx.assemble;

import org.jspecify.annotations.NullMarked;
