/**
 * The {@code attune} command: checks, compiles, runs, times and explains {@code .attn} files.
 * Results go to standard output, diagnostics and progress to standard error; the exit code is 0, 1
 * for a mismatch or a refusal, 2 for a command line that cannot be understood, 4 for a kernel that
 * hung while it was timed.
 */
@NullMarked
package dev.attune.cli;

import org.jspecify.annotations.NullMarked;
