package dev.attune.ptx.emulate;

/** {@code selp}: one of two values, by a predicate. */
final class Select extends Instruction {
  private final boolean wide;
  private final int d;
  private final int a;
  private final int b;
  private final int predicate;

  Select(Header header, boolean wide, int d, int a, int b, int predicate) {
    super(header);
    this.wide = wide;
    this.d = d;
    this.a = a;
    this.b = b;
    this.predicate = predicate;
  }

  @Override
  void execute(Warp warp, int mask) {
    int chosen = warp.predicate(predicate);
    if (wide) {
      long[] r = warp.longs;
      for (int i = 0; i < 32; i++) {
        r[i] = (chosen >>> i & 1) != 0 ? r[a + i] : r[b + i];
      }
      blend(r, 0, d, mask);
    } else {
      int[] r = warp.ints;
      int to = mask == -1 ? d : 0;
      for (int i = 0; i < 32; i++) {
        r[to + i] = (chosen >>> i & 1) != 0 ? r[a + i] : r[b + i];
      }
      if (mask != -1) {
        blend(r, 0, d, mask);
      }
    }
  }
}
