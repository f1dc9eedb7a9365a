package dev.attune.ptx.assemble;

/**
 * A native library of {@code jcuda-natives}, pinned to the bytes this version was built and tested
 * with.
 */
public enum NativeLibrary {
  /** The PTX compiler; needs nothing but the C and C++ runtimes. */
  PTX_COMPILER(
      "JNvPTXCompiler",
      "jcuda.nvptxcompiler.JNvPTXCompiler",
      "6bce6925256b2456ab9521372a3a6ae76438488d0394dd467e32f3c0a32efa18"),
  /** The bindings of the CUDA driver; needs {@code libcuda.so.1} besides. */
  CUDA_DRIVER(
      "JCudaDriver",
      "jcuda.driver.JCudaDriver",
      "fdc3b4b4fca4f0fab54ff12c0b4d6ad1c5e8d55015b4950834c705e5db301255");

  private static final String SUFFIX = "-12.6.0-linux-x86_64.so";

  private final String stem;
  private final String className;
  private final String sha256;

  NativeLibrary(String stem, String className, String sha256) {
    this.stem = stem;
    this.className = className;
    this.sha256 = sha256;
  }

  /** The name JCuda's loader gives the file. */
  String fileName() {
    return "lib" + stem + SUFFIX;
  }

  /** Where the class path has the file. */
  String resource() {
    return "/lib/" + fileName();
  }

  /** The JCuda class whose initialisation loads the library. */
  String className() {
    return className;
  }

  /** The file's SHA-256, in lower-case hexadecimal. */
  String sha256() {
    return sha256;
  }
}
