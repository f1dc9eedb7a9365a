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
 * Gemma 2's local layer: tanh soft-capping of the scores and a causal window of 4096 keys.
 *
 * <pre>
 *   score(q, kv) = cap · tanh(scale · q·k / cap)
 *   mask(q, kv)  = kv &lt;= q and q - kv &lt; window
 * </pre>
 *
 * <p>Source: Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size",
 * section 2. Conventions: the cap is applied to the scaled score, before the mask; window counts
 * the query's own key.
 *
 * <p>What is computed, with every definition expanded:
 *
 * <pre>
 *   score = cap * tanh(score * scale / cap)
 *   mask = kv &lt;= q and q - kv &lt; window
 * </pre>
 *
 * <p>Tensors are bf16 or f16. An instance may be used from several threads.
 */
@NullMarked
@Generated(
    spec = "gemma2_local.attn",
    sha256 = "1c574a0453e136b984ba265f5524a214ea44c6adb1482d728ee7d53d4d94d337")
public final class Gemma2Local implements AutoCloseable {
  private static final PrebuiltResources KERNELS =
      new PrebuiltResources(Gemma2Local.class, "gemma2_local");

  private final Attention attention;

  private Gemma2Local(Attention attention) {
    this.attention = attention;
  }

  /** The attention on a device. Kernels are loaded when launches first need them. */
  public static Gemma2Local load(Device device) {
    return new Gemma2Local(KERNELS.load(device));
  }

  /**
   * A call with the tensors that every launch needs.
   *
   * @param q [B, Sq, Hq, Dqk]
   * @param k [B, Skv, Hkv, Dqk]
   * @param v [B, Skv, Hkv, Dv]
   * @param o [B, Sq, Hq, Dv], written
   * @param lse [B, Hq, Sq] float32, written: the natural logarithm of each row's sum
   * @throws LaunchException if one of them is null
   */
  public Call on(Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse) {
    return new Call(attention, Arguments.of(q, k, v, o).lse(lse));
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

    /** With the int param {@code window}, 4096 unless given; window &gt;= 1. */
    public Call window(int value) {
      return new Call(attention, arguments.param("window", value));
    }

    /** With the float param {@code cap}, 50.0 unless given; cap &gt; 0.0 and cap &lt;= 50.0. */
    public Call cap(double value) {
      return new Call(attention, arguments.param("cap", value));
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
