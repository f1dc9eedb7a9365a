package dev.attune.ptx.emulate;

/** One kernel parameter: its place in the parameter block, in bytes. */
public record EntryParameter(String name, int offset, int size, int alignment) {}
