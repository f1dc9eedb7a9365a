/**
 * The {@code attune} command: checks, compiles, runs and explains {@code .attn} files. Results go
 * to standard output, diagnostics and progress to standard error; the exit code is 0, 1 for a
 * mismatch or a refusal, 2 for a command line that cannot be understood.
 */
@NullMarked
package dev.attune.cli;

import org.jspecify.annotations.NullMarked;
