package dev.attune.maven;

import java.io.File;
import java.util.List;
import org.apache.maven.artifact.DependencyResolutionRequiredException;
import org.apache.maven.model.Resource;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.apache.maven.plugins.annotations.ResolutionScope;
import org.jspecify.annotations.Nullable;

/** Compiles .attn files to typed launchers and kernels. */
@Mojo(
    name = "compile",
    defaultPhase = LifecyclePhase.GENERATE_SOURCES,
    requiresDependencyResolution = ResolutionScope.COMPILE,
    threadSafe = true)
@SuppressWarnings("NullAway.Init") // Maven sets the fields.
public final class CompileMojo extends GenerateMojo {
  /** Folder of the {@code .attn} files; where there is none, nothing is done. */
  @Parameter(property = "attn.sourceDirectory", defaultValue = "${project.basedir}/src/main/attn")
  private File sourceDirectory;

  /** Specs of dependencies that get launchers as well, by name, such as sliding_window. */
  @Parameter(property = "attn.specs")
  private @Nullable List<String> specs;

  /** Folder of the launchers, which are compiled. */
  @Parameter(
      property = "attn.outputDirectory",
      defaultValue = "${project.build.directory}/generated-sources/attn")
  private File outputDirectory;

  /** Folder of the kernels, which are packaged. */
  @Parameter(
      property = "attn.resourceDirectory",
      defaultValue = "${project.build.directory}/generated-resources/attn")
  private File resourceDirectory;

  @Parameter(
      defaultValue = "${project.build.directory}/maven-status/attn/main",
      readonly = true,
      required = true)
  private File state;

  @Override
  Places places() {
    List<String> named = specs == null ? List.of() : specs;
    return new Places(sourceDirectory, named, outputDirectory, resourceDirectory, state);
  }

  @Override
  List<String> classPath() throws MojoExecutionException {
    try {
      return project.getCompileClasspathElements().stream()
          .filter(element -> !element.equals(project.getBuild().getOutputDirectory()))
          .toList();
    } catch (DependencyResolutionRequiredException e) {
      throw new MojoExecutionException("the dependencies are not resolved", e);
    }
  }

  @Override
  void register(String launchers, Resource kernels) {
    project.addCompileSourceRoot(launchers);
    project.addResource(kernels);
  }
}
