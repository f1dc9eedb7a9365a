package dev.attune.cli.generate;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.AttentionSpec.Instance;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Artifacts;
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
 */
record Kernels(Map<Request, List<String>> names, Map<String, byte[]> files) {

  /**
   * Compiles them.
   *
   * @throws IllegalArgumentException saying for which of the requests there is no kernel, and why
   */
  static Kernels of(AttentionSpec spec, GenerateOptions options) {
    List<Request> requests = requests(spec, options);
    List<Candidates> compiled =
        requests.parallelStream().map(request -> candidates(spec, request)).toList();
    Map<Request, List<String>> names = new LinkedHashMap<>();
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (int i = 0; i < requests.size(); i++) {
      Request request = requests.get(i);
      List<Artifact> artifacts = compiled.get(i).artifacts();
      List<String> stems = new ArrayList<>();
      for (int n = 0; n < artifacts.size(); n++) {
        String stem = stem(request) + "_" + n;
        stems.add(stem);
        files.put(stem + ".ptx", bytes(artifacts.get(n).ptx()));
        files.put(stem + ".json", bytes(Artifacts.toJson(artifacts.get(n))));
      }
      names.put(request, stems);
    }
    return new Kernels(names, files);
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
