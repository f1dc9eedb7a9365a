package dev.attune.compiler.tile;

/** What a name stands for while a kernel is interpreted. */
sealed interface Data {
  /** Of the lanes that share a row, lane i holds the columns c with c % 8 / 2 = i. */
  int LANES = 4;

  record Int(long value) implements Data {}

  /** Row-major elements. What has been got from a channel is the channel's buffer itself. */
  @SuppressWarnings("ArrayRecordComponent")
  record Matrix(int rows, int cols, double[] elements) implements Data {}

  /** One value per row. */
  @SuppressWarnings("ArrayRecordComponent")
  record Row(double[] values) implements Data {}

  /** One value per row and lane: row r's are at [r·LANES, (r + 1)·LANES). */
  @SuppressWarnings("ArrayRecordComponent")
  record Lanes(double[] values) implements Data {}

  /** The result of a product that has not been awaited. */
  record Unfinished() implements Data {}
}
