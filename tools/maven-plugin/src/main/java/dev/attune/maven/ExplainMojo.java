package dev.attune.maven;

import java.io.File;
import java.io.IOException;
import java.util.List;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/** Says what the compiler makes of one spec: its tiles, what is proved, what it costs. */
@Mojo(name = "explain", requiresProject = true, threadSafe = true)
@SuppressWarnings("NullAway.Init") // Maven sets the fields.
public final class ExplainMojo extends AttuneMojo {
  /** The {@code .attn} file, relative to {@code sourceDirectory}, or a built-in spec by name. */
  @Parameter(property = "attn.spec", required = true)
  private String spec;

  /** GPU that it is explained for. */
  @Parameter(property = "attn.target", defaultValue = "sm_90a")
  private String target;

  /** Folder of the {@code .attn} files. */
  @Parameter(property = "attn.sourceDirectory", defaultValue = "${project.basedir}/src/main/attn")
  private File sourceDirectory;

  @Override
  void work() throws IOException, MojoExecutionException, MojoFailureException {
    File file = new File(sourceDirectory, spec);
    Fork fork = fork(List.of("explain", file.isFile() ? file.getPath() : spec, "--target", target));
    fork.lines().forEach(getLog()::info);
    if (fork.code() != 0) {
      throw new MojoFailureException("%s cannot be explained".formatted(spec));
    }
  }
}
