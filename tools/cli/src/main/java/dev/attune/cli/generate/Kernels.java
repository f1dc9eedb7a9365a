package dev.attune.cli.generate;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.AttentionSpec.Instance;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Artifacts;
import dev.attune.ptx.artifact.Cubin;
import dev.attune.ptx.assemble.Assembler;
import dev.attune.ptx.assemble.AssemblyException;
import dev.attune.ptx.assemble.NativeLibraryException;
import dev.attune.ptx.compile.Candidates;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.DeviceInfo;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The kernels of one attention for all that is asked for.
 *
 * @param names of the artifacts by request
 * @param files name and content
 * @param notices which of them have no machine code though it was asked for, and why
 */
record Kernels(Map<Request, List<String>> names, Map<String, byte[]> files, List<String> notices) {

  /**
   * Compiles them.
   *
   * @throws IllegalArgumentException saying for which of the requests there is no kernel, and why
   */
  static Kernels of(AttentionSpec spec, GenerateOptions options) {
    List<Request> requests = requests(spec, options);
    List<List<Made>> compiled =
        requests.parallelStream()
            .map(
                request ->
                    candidates(spec, request).artifacts().stream()
                        .map(a -> options.cubin() ? assembled(spec, request, a) : new Made(a, ""))
                        .toList())
            .toList();
    Map<Request, List<String>> names = new LinkedHashMap<>();
    Map<String, byte[]> files = new LinkedHashMap<>();
    List<String> notices = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      Request request = requests.get(i);
      List<Made> kernels = compiled.get(i);
      List<String> stems = new ArrayList<>();
      for (int n = 0; n < kernels.size(); n++) {
        String stem = stem(request) + "_" + n;
        stems.add(stem);
        Artifact artifact = kernels.get(n).artifact();
        files.put(stem + ".ptx", bytes(artifact.ptx()));
        files.put(stem + ".json", bytes(Artifacts.toJson(artifact)));
        artifact.cubin().ifPresent(cubin -> files.put(stem + ".cubin", cubin.bytes()));
        if (!kernels.get(n).notice().isEmpty()) {
          notices.add(kernels.get(n).notice());
        }
      }
      names.put(request, stems);
    }
    return new Kernels(names, files, notices);
  }

  private static List<Request> requests(AttentionSpec spec, GenerateOptions options) {
    List<Request> requests = new ArrayList<>();
    for (Target target : options.targets()) {
      for (Instance instance : instances(spec, options)) {
        for (Batching batching : options.batchings()) {
          requests.add(
              new Request(
                  DeviceInfo.targets(target), instance.dtype(), instance.headDim(), batching));
        }
      }
    }
    return requests.stream().distinct().toList();
  }

  private static List<Instance> instances(AttentionSpec spec, GenerateOptions options) {
    if (!spec.instances().isEmpty()) {
      return spec.instances();
    }
    List<Dtype> dtypes = spec.dtype().map(List::of).orElse(options.dtypes());
    List<HeadDim> headDims = spec.headDim().map(List::of).orElse(options.headDims());
    return dtypes.stream()
        .flatMap(dtype -> headDims.stream().map(headDim -> new Instance(dtype, headDim)))
        .toList();
  }

  private static Candidates candidates(AttentionSpec spec, Request request) {
    try {
      Candidates candidates = Candidates.of(spec, request);
      if (candidates.artifacts().isEmpty()) {
        throw new IllegalArgumentException(candidates.refusal());
      }
      return candidates;
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "no kernel of '%s' for %s: %s".formatted(spec.name(), words(request), e.getMessage()), e);
    }
  }

  /**
   * A kernel.
   *
   * @param notice why it has no machine code, or empty
   */
  private record Made(Artifact artifact, String notice) {}

  private static Made assembled(AttentionSpec spec, Request request, Artifact artifact) {
    try {
      byte[] code = Assembler.build(artifact.ptx(), artifact.manifest().target()).cubin();
      return new Made(artifact.with(new Cubin(code)), "");
    } catch (AssemblyException e) {
      String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      return new Made(
          artifact,
          "no machine code of '%s' for %s, which is left to the driver: %s"
              .formatted(spec.name(), words(request), reason));
    } catch (NativeLibraryException e) {
      throw new IllegalArgumentException("no machine code: " + e.getMessage(), e);
    }
  }

  private static String words(Request request) {
    return "%s, %s, head dim %s, %s batches"
        .formatted(
            request.targets().getFirst().ptxName(),
            request.dtype().keyword(),
            request.headDim(),
            request.batching().name().toLowerCase(Locale.ROOT));
  }

  private static String stem(Request request) {
    return "%s_%s_d%s_%s"
        .formatted(
            request.targets().getFirst().ptxName(),
            request.dtype().keyword(),
            request.headDim().toString().replace(',', '_'),
            request.batching().name().toLowerCase(Locale.ROOT));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
