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

/** Compiles .attn files of tests to typed launchers and kernels. */
@Mojo(
    name = "test-compile",
    defaultPhase = LifecyclePhase.GENERATE_TEST_SOURCES,
    requiresDependencyResolution = ResolutionScope.TEST,
    threadSafe = true)
@SuppressWarnings("NullAway.Init") // Maven sets the fields.
public final class TestCompileMojo extends GenerateMojo {
  /** Folder of the {@code .attn} files; where there is none, nothing is done. */
  @Parameter(
      property = "attn.testSourceDirectory",
      defaultValue = "${project.basedir}/src/test/attn")
  private File sourceDirectory;

  /** Specs of dependencies that get launchers as well, by name, such as sliding_window. */
  @Parameter(property = "attn.testSpecs")
  private @Nullable List<String> testSpecs;

  /** Folder of the launchers, which are compiled. */
  @Parameter(
      property = "attn.testOutputDirectory",
      defaultValue = "${project.build.directory}/generated-test-sources/attn")
  private File outputDirectory;

  /** Folder of the kernels, which are packaged. */
  @Parameter(
      property = "attn.testResourceDirectory",
      defaultValue = "${project.build.directory}/generated-test-resources/attn")
  private File resourceDirectory;

  @Parameter(
      defaultValue = "${project.build.directory}/maven-status/attn/test",
      readonly = true,
      required = true)
  private File state;

  @Override
  Places places() {
    List<String> named = testSpecs == null ? List.of() : testSpecs;
    return new Places(sourceDirectory, named, outputDirectory, resourceDirectory, state);
  }

  @Override
  List<String> classPath() throws MojoExecutionException {
    try {
      return project.getTestClasspathElements().stream()
          .filter(element -> !element.equals(project.getBuild().getTestOutputDirectory()))
          .toList();
    } catch (DependencyResolutionRequiredException e) {
      throw new MojoExecutionException("the dependencies are not resolved", e);
    }
  }

  @Override
  void register(String launchers, Resource kernels) {
    project.addTestCompileSourceRoot(launchers);
    project.addTestResource(kernels);
  }
}
