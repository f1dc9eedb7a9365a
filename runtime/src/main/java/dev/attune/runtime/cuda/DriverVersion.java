package dev.attune.runtime.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Which driver this process has: two of the same CUDA version have different compilers. It is told
 * by the file names and sizes of the driver's libraries that are mapped, such as {@code
 * libcuda.so.580.95.05}, and by the version of the kernel module.
 */
final class DriverVersion {
  private static final Path MAPS = Path.of("/proc/self/maps");
  private static final Path MODULE = Path.of("/sys/module/nvidia/version");

  private DriverVersion() {}

  /**
   * The driver in one line.
   *
   * @param cuda the CUDA version that the driver says
   */
  static String of(String cuda) {
    return "CUDA %s, module %s, %s"
        .formatted(cuda, lines(MODULE).stream().findFirst().orElse("unknown"), libraries());
  }

  private static String libraries() {
    return new TreeSet<>(
            lines(MAPS).stream()
                .filter(line -> line.contains("/libcuda.so"))
                .map(line -> line.substring(line.indexOf('/')))
                .toList())
        .stream().map(DriverVersion::named).collect(Collectors.joining(", "));
  }

  private static String named(String library) {
    try {
      Path file = Path.of(library);
      return file.getFileName() + " of " + Files.size(file) + " bytes";
    } catch (IOException e) {
      return library;
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }
}
