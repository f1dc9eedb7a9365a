package dev.attune.maven;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.inject.Inject;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Parameter;
import org.apache.maven.project.MavenProject;
import org.apache.maven.toolchain.ToolchainManager;
import org.jspecify.annotations.Nullable;

/** What the goals have in common: a JDK 25 that runs the command. */
@SuppressWarnings("NullAway.Init") // Maven sets the fields.
abstract class AttuneMojo extends AbstractMojo {
  @Parameter(defaultValue = "${session}", readonly = true, required = true)
  protected MavenSession session;

  @Parameter(defaultValue = "${project}", readonly = true, required = true)
  protected MavenProject project;

  @Parameter(defaultValue = "${plugin.artifacts}", readonly = true, required = true)
  private List<Artifact> pluginArtifacts;

  /** Does nothing. */
  @Parameter(property = "attn.skip", defaultValue = "false")
  private boolean skip;

  @Inject private @Nullable ToolchainManager toolchains;

  @Override
  public final void execute() throws MojoExecutionException, MojoFailureException {
    if (skip) {
      getLog().info("skipped: attn.skip is set");
      return;
    }
    try {
      work();
    } catch (IOException e) {
      throw new MojoExecutionException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Does what the goal is for. */
  abstract void work() throws IOException, MojoExecutionException, MojoFailureException;

  /** The jars of the compiler, and what else the plugin brings. */
  List<File> compiler() {
    List<File> files = new ArrayList<>();
    for (Artifact artifact : pluginArtifacts) {
      if (artifact.getFile() != null) {
        files.add(artifact.getFile());
      }
    }
    return files;
  }

  /** Runs the command. */
  Fork fork(List<String> arguments)
      throws IOException, MojoExecutionException, MojoFailureException {
    if (toolchains == null) {
      throw new MojoExecutionException("Maven gave the plugin no toolchain manager");
    }
    String java = Jdk25.java(toolchains, session);
    getLog().debug("forking " + java + " " + arguments);
    try {
      return Fork.run(
          java, compiler(), new File(project.getBuild().getDirectory()).toPath(), arguments);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MojoExecutionException("interrupted", e);
    }
  }
}
