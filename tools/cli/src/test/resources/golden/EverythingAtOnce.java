package org.example;

import dev.attune.runtime.Arguments;
import dev.attune.runtime.Attention;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Explanation;
import dev.attune.runtime.Generated;
import dev.attune.runtime.LaunchException;
import dev.attune.runtime.PrebuiltResources;
import dev.attune.runtime.Sequences;
import dev.attune.runtime.Stream;
import dev.attune.runtime.Tensor;
import org.jspecify.annotations.NullMarked;

/**
 * All that a launcher can have.
 *
 * <p>Remarks are filled: those that are longer than what fits into a line of a hundred columns are
 * broken.
 *
 * <p>What is computed, with every definition expanded:
 *
 * <pre>
 *   score = score * scale - reach * slopes[h]
 *   mask = kv &lt;= q and (first_frame or document_of_each[q] == 0)
 * </pre>
 *
 * <p>Tensors are bf16 or f16, of head dim 16. An instance may be used from several threads.
 */
@NullMarked
@Generated(
    spec = "everything_at_once.attn",
    sha256 = "c5431fd7c24a8f399a914c7cc1a92f2e9e73674b358aa980a91dc6cdb6103bd1")
public final class EverythingAtOnce implements AutoCloseable {
  private static final PrebuiltResources KERNELS =
      new PrebuiltResources(EverythingAtOnce.class, "everything_at_once");

  private final Attention attention;

  private EverythingAtOnce(Attention attention) {
    this.attention = attention;
  }

  /** The attention on a device. Kernels are loaded when launches first need them. */
  public static EverythingAtOnce load(Device device) {
    return new EverythingAtOnce(KERNELS.load(device));
  }

  /**
   * A call with the tensors that every launch needs.
   *
   * @param q [B, Sq, Hq, Dqk]
   * @param k [B, Skv, Hkv, Dqk]
   * @param v [B, Skv, Hkv, Dv]
   * @param o [B, Sq, Hq, Dv], written
   * @param lse [B, Hq, Sq] float32, written: the natural logarithm of each row's sum
   * @param maxScore [B, Hq, Sq] float32, written: the largest score of each row
   * @param slopes [Hq] float32: Of each head.
   * @param documentOfEach [(Sq + 1) // 2 + Sq] int32, never decreasing along the last dimension,
   *     from 0 to 65535
   * @throws LaunchException if one of them is null
   */
  public Call on(
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor o,
      Tensor lse,
      Tensor maxScore,
      Tensor slopes,
      Tensor documentOfEach) {
    return new Call(
        attention,
        Arguments.of(q, k, v, o)
            .lse(lse)
            .maxScore(maxScore)
            .tensor("slopes", slopes)
            .tensor("document_of_each", documentOfEach));
  }

  /** What launches go through: for kernels that are made ahead of them. */
  public Attention attention() {
    return attention;
  }

  /** Closes the kernels, once no launch needs them. */
  @Override
  public void close() {
    attention.close();
  }

  /** A launch to be: every method gives another with one thing more said. */
  public static final class Call {
    private final Attention attention;

    private final Arguments arguments;

    private Call(Attention attention, Arguments arguments) {
      this.attention = attention;
      this.arguments = arguments;
    }

    /**
     * With the bool param {@code first_frame}, false unless given.
     *
     * <p>whether all see the first frame, as well as the frames near theirs
     */
    public Call firstFrame(boolean value) {
      return new Call(attention, arguments.param("first_frame", value));
    }

    /** With the float param {@code reach}, 1.5 unless given; reach &gt; 0.0. */
    public Call reach(double value) {
      return new Call(attention, arguments.param("reach", value));
    }

    /** With a scale of the scores, 1/&radic;Dqk unless given. */
    public Call scale(double value) {
      return new Call(attention, arguments.scale(value));
    }

    /** For a batch of sequences of their own lengths, which then says the shapes. */
    public Call sequences(Sequences batch) {
      return new Call(attention, arguments.sequences(batch));
    }

    /**
     * Checks everything and queues the kernel that is best for it. The first launch for a dtype,
     * head dim and batching makes its kernel: see {@link #prepare}.
     *
     * @throws LaunchException naming what must not be used so; nothing has been queued
     * @throws DeviceException if the device has failed or is closed
     */
    public void launch(Stream stream) {
      attention.launch(stream, arguments);
    }

    /**
     * Does all of a launch but the launch: those that follow wait for nothing, and may be captured
     * into a graph.
     *
     * @throws LaunchException as {@link #launch} does for sizes, types and values
     * @throws DeviceException if the device refuses the kernel
     */
    public void prepare() {
      attention.prepare(arguments);
    }

    /** Which kernel the launch takes, and why not another. */
    public Explanation explain() {
      return attention.explain(arguments);
    }
  }
}
