package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.ArtifactException;
import dev.attune.ptx.artifact.Artifacts;
import dev.attune.ptx.artifact.Cubin;
import dev.attune.ptx.compile.Request;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The kernels that a build put beside a class, and the spec that they are of. They are read when
 * they are first needed, through that class, so that it may be in a module of its own.
 *
 * <p>Machine code is taken where the build made some: see {@link Artifact#cubin}.
 *
 * <p>Kernels that are missing, damaged or of another spec are compiled at run time instead, and the
 * log says so.
 */
public final class PrebuiltResources implements Prebuilt {
  /** Name of the index among the resources of a spec. */
  public static final String INDEX = "kernels.json";

  private static final System.Logger LOG = System.getLogger("dev.attune.runtime");

  private final Class<?> owner;
  private final String folder;
  private @Nullable Read read;

  private record Read(PrebuiltIndex index, AttentionSpec spec) {}

  /**
   * What lies beside a class.
   *
   * @param folder relative to the class, the name of the attention
   */
  public PrebuiltResources(Class<?> owner, String folder) {
    this.owner = owner;
    this.folder = folder;
  }

  /** An attention of these kernels. */
  public Attention load(Device device) {
    return Attention.of(spec(), device, this);
  }

  /**
   * What the kernels compute.
   *
   * @throws SpecException if there is no index, or this version of the language does not take what
   *     it holds
   */
  public AttentionSpec spec() {
    return read().spec();
  }

  @Override
  public List<Artifact> artifacts(Request request) {
    Read from = read();
    List<Artifact> artifacts = new ArrayList<>();
    try {
      for (String name : from.index().kernels().getOrDefault(request, List.of())) {
        Artifact artifact =
            Artifacts.fromJson(
                text(name + ".json"),
                text(name + ".ptx"),
                resource(name + ".cubin").map(Cubin::new));
        ManifestCheck.require(from.spec(), artifact.manifest());
        artifacts.add(artifact);
      }
    } catch (IOException | ArtifactException | LaunchException e) {
      LOG.log(
          Level.WARNING,
          "kernels of {0} that were built ahead are not used, and are compiled now: {1}",
          folder,
          e.getMessage());
      return List.of();
    }
    return artifacts;
  }

  private synchronized Read read() {
    if (read == null) {
      try {
        PrebuiltIndex index = PrebuiltIndex.fromJson(text(INDEX));
        read = new Read(index, index.parse());
      } catch (IOException | IllegalArgumentException e) {
        throw e instanceof SpecException spec
            ? spec
            : new SpecException(
                "%s lacks what its build generated: %s".formatted(owner.getName(), e.getMessage()),
                e);
      }
    }
    return read;
  }

  private String text(String name) throws IOException {
    byte[] bytes =
        resource(name)
            .orElseThrow(
                () ->
                    new IOException(
                        "there is no resource %s/%s beside the class".formatted(folder, name)));
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private Optional<byte[]> resource(String name) throws IOException {
    try (InputStream in = owner.getResourceAsStream(folder + "/" + name)) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    }
  }
}
