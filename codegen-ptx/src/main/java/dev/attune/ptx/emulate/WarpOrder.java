package dev.attune.ptx.emulate;

/** In which order the warps of a CTA take turns. */
public enum WarpOrder {
  /** In turn, by ascending index. */
  ROUND_ROBIN,
  /** In turn, by descending index. */
  REVERSE,
  /** Random turns of random length, with long stalls of single warps, by the seed. */
  RANDOM,
  /** One warp, chosen by the seed, runs only when no other can. */
  STARVED
}
