package dev.attune.ptx.emulate;

/** What a name stands for inside an entry. */
sealed interface Symbol {

  /**
   * A register. {@code slot} counts within its file (predicates, up to 32 bits, 64 bits), {@code
   * id} over all of them.
   */
  record Register(String name, PtxType type, int slot, int id) implements Symbol {}

  /** A shared array of fixed size; its place is assigned where it is first used. */
  record SharedArray(String name, int alignment, int bytes) implements Symbol {}

  /** The shared array whose size the launch gives. */
  record DynamicShared(String name, int alignment) implements Symbol {}

  /** A kernel parameter. */
  record Parameter(EntryParameter parameter) implements Symbol {}
}
