package dev.attune.ptx.ampere;

import dev.attune.compiler.schedule.Schedule;
import dev.attune.compiler.spec.HeadDim;

/**
 * Where the tiles of a CTA lie in shared memory. A row starts an odd number of 16-byte chunks after
 * the one before it, so that the eight rows of an 8×8 matrix fall into distinct banks and every
 * address of a fragment is one register plus a constant.
 *
 * @param queryPitch bytes from row to row of Q, and of O, which is staged in its place
 * @param keyPitch bytes from row to row of K
 * @param valuePitch bytes from row to row of V
 * @param keyStage bytes of one K tile
 * @param valueStage bytes of one V tile
 * @param keys offset of the K ring; Q is at 0
 * @param values offset of the V ring
 * @param bytes in all
 */
record AmpereLayout(
    int queryPitch,
    int keyPitch,
    int valuePitch,
    int keyStage,
    int valueStage,
    int keys,
    int values,
    int bytes) {

  static AmpereLayout of(HeadDim dim, Schedule.Ampere schedule) {
    int queryPitch = pitch(Math.max(productWidth(dim.qk()), dim.v()));
    int keyPitch = pitch(productWidth(dim.qk()));
    int valuePitch = pitch(dim.v());
    int keyStage = schedule.cols() * keyPitch;
    int valueStage = schedule.cols() * valuePitch;
    int keys = schedule.rows() * queryPitch;
    int values = keys + schedule.stages() * keyStage;
    return new AmpereLayout(
        queryPitch,
        keyPitch,
        valuePitch,
        keyStage,
        valueStage,
        keys,
        values,
        values + schedule.stages() * valueStage);
  }

  /** Columns of a product's inner dimension: whole steps of 16, the last filled with zeros. */
  static int productWidth(int dim) {
    return (dim + 15) / 16 * 16;
  }

  private static int pitch(int columns) {
    int chunks = columns / 8;
    return 16 * (chunks % 2 == 0 ? chunks + 1 : chunks);
  }
}
