package dev.attune.ptx;

import dev.attune.compiler.schedule.Target;
import dev.attune.ptx.artifact.Parameter;
import java.util.List;

/**
 * One kernel: an entry and its code.
 *
 * @param threads threads per CTA, required of every launch
 * @param minBlocksPerSm CTAs of this kernel that must fit on one SM: bounds the registers of a
 *     thread
 * @param sharedBytes dynamic shared memory, addressed through {@link Inst.SharedBase}
 * @param header comment lines above the entry
 */
public record PtxKernel(
    String entry,
    Target target,
    List<Parameter> parameters,
    int threads,
    int minBlocksPerSm,
    int sharedBytes,
    List<String> header,
    List<Inst> body) {
  public PtxKernel {
    parameters = List.copyOf(parameters);
    header = List.copyOf(header);
    body = List.copyOf(body);
  }
}
