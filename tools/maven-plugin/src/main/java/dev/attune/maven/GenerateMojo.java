package dev.attune.maven;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.inject.Inject;
import org.apache.maven.model.Resource;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Parameter;
import org.codehaus.plexus.build.BuildContext;
import org.jspecify.annotations.Nullable;

/** Generates launchers and kernels, unless nothing has changed. */
@SuppressWarnings("NullAway.Init") // Maven sets the fields.
abstract class GenerateMojo extends AttuneMojo {
  private static final String STAMP = "fingerprint";

  /** Package of the launchers; the groupId unless given. That of subfolders is below it. */
  @Parameter(property = "attn.packageName")
  private @Nullable String packageName;

  /** GPUs that kernels are made for. On any other they are compiled at run time. */
  @Parameter(property = "attn.targets", defaultValue = "sm_80,sm_90a")
  private List<String> targets;

  /** Element types that kernels are made for, where a spec leaves it open: bf16, f16. */
  @Parameter(property = "attn.dtypes", defaultValue = "bf16")
  private List<String> dtypes;

  /** Head dims that kernels are made for, where a spec leaves it open, such as 128 or 192:128. */
  @Parameter(property = "attn.headDims", defaultValue = "64,128")
  private List<String> headDims;

  /** How sequences of a batch lie that kernels are made for: dense, padded, packed. */
  @Parameter(property = "attn.batchings", defaultValue = "dense")
  private List<String> batchings;

  /**
   * Whether kernels come with machine code for exactly their targets: the driver need not compile
   * them, but makes faster code of the PTX where it does.
   */
  @Parameter(property = "attn.cubin", defaultValue = "false")
  private boolean cubin;

  /** Files that get launchers, as globs; all unless given. The others can be imported. */
  @Parameter(property = "attn.includes")
  private @Nullable List<String> includes;

  /** Files that get no launchers, as globs. */
  @Parameter(property = "attn.excludes")
  private @Nullable List<String> excludes;

  /** Whether a warning fails the build. */
  @Parameter(property = "attn.failOnWarning", defaultValue = "false")
  private boolean failOnWarning;

  @Inject private @Nullable BuildContext buildContext;

  /**
   * What a goal reads and writes.
   *
   * @param sources folder of the {@code .attn} files
   * @param specs of dependencies that get launchers as well
   * @param launchers folder of the launchers
   * @param kernels folder of the kernels
   * @param state folder where is kept what was made of what
   */
  record Places(File sources, List<String> specs, File launchers, File kernels, File state) {}

  abstract Places places();

  abstract List<String> classPath() throws MojoExecutionException;

  /** Makes Maven compile the launchers and package the kernels. */
  abstract void register(String launchers, Resource kernels);

  @Override
  void work() throws IOException, MojoExecutionException, MojoFailureException {
    Places places = places();
    Path state = places.state().toPath();
    if (!places.sources().isDirectory() && places.specs().isEmpty() && !Files.isDirectory(state)) {
      getLog().debug("there is no folder " + places.sources());
      return;
    }
    Resource resource = new Resource();
    resource.setDirectory(places.kernels().getPath());
    register(places.launchers().getPath(), resource);
    List<String> arguments = arguments(places);
    Path stamp = state.resolve(STAMP);
    if (Files.isRegularFile(stamp)
        && Files.readString(stamp).equals(fingerprint(places, arguments))) {
      getLog().debug("nothing to generate: all is up to date");
      return;
    }
    Files.deleteIfExists(stamp);
    report(fork(arguments));
    Files.createDirectories(state);
    Files.writeString(stamp, fingerprint(places, arguments));
    if (buildContext != null) {
      buildContext.refresh(places.launchers());
      buildContext.refresh(places.kernels());
    }
  }

  private List<String> arguments(Places places) throws MojoExecutionException {
    List<String> arguments = new ArrayList<>(List.of("generate"));
    if (places.sources().isDirectory()) {
      arguments.add(places.sources().getPath());
    }
    arguments.add("--java=" + places.launchers());
    arguments.add("--resources=" + places.kernels());
    arguments.add("--state=" + places.state());
    arguments.add(
        "--package="
            + Optional.ofNullable(packageName)
                .orElseGet(() -> project.getGroupId().replace('-', '_')));
    arguments.add("--target=" + String.join(",", targets));
    arguments.add("--dtype=" + String.join(",", dtypes));
    arguments.add("--head-dim=" + String.join(",", headDims));
    arguments.add("--batching=" + String.join(",", batchings));
    if (cubin) {
      arguments.add("--cubin");
    }
    Optional.ofNullable(includes).stream()
        .flatMap(List::stream)
        .forEach(g -> arguments.add("--include=" + g));
    Optional.ofNullable(excludes).stream()
        .flatMap(List::stream)
        .forEach(g -> arguments.add("--exclude=" + g));
    places.specs().forEach(name -> arguments.add("--spec=" + name));
    arguments.add("--class-path=" + String.join(File.pathSeparator, imports()));
    return arguments;
  }

  /** What of the class path is not made by this goal itself. */
  private List<String> imports() throws MojoExecutionException {
    return classPath().stream().filter(e -> new File(e).exists()).toList();
  }

  private String fingerprint(Places places, List<String> arguments)
      throws IOException, MojoExecutionException {
    Fingerprint all = new Fingerprint();
    arguments.stream().filter(a -> !a.startsWith("--class-path=")).forEach(all::add);
    all.addFolder(places.sources().toPath(), ".attn");
    imports().forEach(e -> all.addElement(Path.of(e), "attn/"));
    compiler().forEach(jar -> all.addElement(jar.toPath(), "dev/attune/"));
    all.addFolder(places.launchers().toPath(), "");
    all.addFolder(places.kernels().toPath(), "");
    return all.value();
  }

  private void report(Fork fork) throws MojoFailureException, MojoExecutionException {
    String last = fork.lines().isEmpty() ? "" : fork.lines().get(fork.lines().size() - 1);
    boolean warned = false;
    for (String line : fork.lines()) {
      Optional<Message> message = Message.parse(line);
      if (message.isEmpty()) {
        if (line.startsWith("error: ") && !line.equals(last)) {
          getLog().error(line);
        } else if (!line.equals(last) || fork.code() == 0) {
          getLog().info(line);
        }
        continue;
      }
      boolean error = message.get().error();
      warned |= !error;
      if (error) {
        getLog().error(line);
      } else {
        getLog().warn(line);
      }
      tell(message.get());
    }
    if (fork.code() != 0) {
      throw new MojoFailureException(last.isEmpty() ? "attune failed: " + fork.code() : last);
    }
    if (warned && failOnWarning) {
      throw new MojoFailureException("there are warnings, and failOnWarning is set");
    }
  }

  /** Marks the place in an IDE; on the command line the log has told it. */
  private void tell(Message m) {
    if (buildContext != null && buildContext.isIncremental()) {
      int severity = m.error() ? BuildContext.SEVERITY_ERROR : BuildContext.SEVERITY_WARNING;
      buildContext.addMessage(
          new File(m.file()), m.line(), m.column(), m.text(), severity, /* cause= */ null);
    }
  }
}
