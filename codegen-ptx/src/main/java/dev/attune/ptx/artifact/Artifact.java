package dev.attune.ptx.artifact;

/**
 * A compiled kernel.
 *
 * @param ptx PTX text, ending in a newline, without a NUL
 */
public record Artifact(Manifest manifest, String ptx) {}
