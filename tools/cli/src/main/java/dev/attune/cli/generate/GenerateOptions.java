package dev.attune.cli.generate;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import java.nio.file.Path;
import java.util.List;

/**
 * What is generated from what.
 *
 * @param sources folders of {@code .attn} files, searched with their subfolders
 * @param includes patterns of {@link java.nio.file.FileSystem#getPathMatcher} without syntax,
 *     relative to their folder, of files that get launchers; the others can still be imported
 * @param excludes patterns of files that get none
 * @param specs names of specs on the class path that get launchers as well
 * @param classPath jars and folders in which {@code attn/NAME.attn} is found
 * @param java folder of the launchers
 * @param resources folder of the kernels
 * @param state folder where is kept what was made of what
 * @param packageName of launchers of files that are in no subfolder
 * @param targets GPUs that kernels are made for
 * @param dtypes where a spec leaves it open and names no instances, as are the head dims
 * @param cubin whether kernels are assembled as well, for exactly their targets
 */
public record GenerateOptions(
    List<Path> sources,
    List<String> includes,
    List<String> excludes,
    List<String> specs,
    List<Path> classPath,
    Path java,
    Path resources,
    Path state,
    String packageName,
    List<Target> targets,
    List<Dtype> dtypes,
    List<HeadDim> headDims,
    List<Batching> batchings,
    boolean cubin) {

  public GenerateOptions {
    sources = List.copyOf(sources);
    includes = List.copyOf(includes);
    excludes = List.copyOf(excludes);
    specs = specs.stream().distinct().toList();
    classPath = List.copyOf(classPath);
    targets = List.copyOf(targets);
    dtypes = List.copyOf(dtypes);
    headDims = List.copyOf(headDims);
    batchings = List.copyOf(batchings);
    if (!Names.isPackage(packageName)) {
      throw new IllegalArgumentException(
          "the package is '%s', expected a name such as com.example.attention"
              .formatted(packageName));
    }
    if (targets.isEmpty() || dtypes.isEmpty() || headDims.isEmpty() || batchings.isEmpty()) {
      throw new IllegalArgumentException(
          "expected at least one target, dtype, head dim and batching");
    }
  }
}
