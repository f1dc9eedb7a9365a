package dev.attune.samples.decoder;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Attention;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Both attentions as kernels on a device, in bf16. */
final class DeviceAttention implements Attend, AutoCloseable {
  private static final String LOCAL =
      """
      attention local {
        param window : int   = 4096 where window >= 1
        param cap    : float = 50.0 where cap > 0 and cap <= 50
        score = softcap(score * scale, cap)
        mask  = causal and q - kv < window
      }
      """;

  private static final String GLOBAL =
      """
      attention global {
        param cap : float = 50.0 where cap > 0 and cap <= 50
        score = softcap(score * scale, cap)
        mask  = causal
      }
      """;

  private final Config config;
  private final Device device;
  private final Attention local;
  private final Attention global;

  DeviceAttention(Config config, Device device) {
    this.config = config;
    this.device = device;
    this.local = Attention.compile(LOCAL, device);
    this.global = Attention.compile(GLOBAL, device);
  }

  @Override
  public double[][] attend(boolean isLocal, double[][] q, double[][] k, double[][] v) {
    int tokens = q.length;
    List<Buffer> buffers = new ArrayList<>();
    try {
      Tensor o =
          kept(
              buffers, device.empty(ElementType.BF16, 1, tokens, config.heads(), config.headDim()));
      Arguments arguments =
          Arguments.of(
                  kept(buffers, device.tensor(Dtype.BF16, array(q))),
                  kept(buffers, device.tensor(Dtype.BF16, array(k))),
                  kept(buffers, device.tensor(Dtype.BF16, array(v))),
                  o)
              .lse(kept(buffers, device.empty(ElementType.F32, 1, config.heads(), tokens)))
              .param("cap", config.cap());
      if (isLocal) {
        local.launch(device.stream(), arguments.param("window", config.window()));
      } else {
        global.launch(device.stream(), arguments);
      }
      return rows(o.download());
    } finally {
      buffers.forEach(Buffer::close);
    }
  }

  private static Tensor kept(List<Buffer> buffers, Tensor tensor) {
    buffers.add(tensor.buffer());
    return tensor;
  }

  /** [1, tokens, heads, headDim]. */
  private NdArray array(double[][] tokens) {
    int heads = tokens[0].length / config.headDim();
    NdArray array = NdArray.floats(1, tokens.length, heads, config.headDim());
    int at = 0;
    for (double[] token : tokens) {
      for (double x : token) {
        array.floats()[at++] = (float) x;
      }
    }
    return array;
  }

  private double[][] rows(NdArray array) {
    double[][] rows = new double[array.shape()[1]][config.heads() * config.headDim()];
    int at = 0;
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] = array.floats()[at++];
      }
    }
    return rows;
  }

  @Override
  public void close() {
    local.close();
    global.close();
  }
}
