package dev.attune.ptx.assemble;

import dev.attune.compiler.schedule.Target;
import java.nio.charset.StandardCharsets;
import java.util.List;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompileResult;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

/**
 * Assembles PTX with NVIDIA's PTX compiler (ptxas as a library), in this process and without a GPU.
 *
 * <p>The library takes PTX up to {@code .version 8.0} and targets up to sm_90a. It allows
 * concurrent calls (PTX Compiler API, "Thread Safety"); every call here has its own handle.
 */
public final class Assembler {

  private Assembler() {}

  /**
   * Machine code for PTX.
   *
   * @param ptx text without a NUL
   * @throws AssemblyException with the assembler's messages, the numbers and the text of their
   *     lines
   * @throws NativeLibraryException where the library cannot be loaded
   */
  public static Assembly assemble(String ptx, Target target) {
    return assemble(ptx, target.ptxName());
  }

  /**
   * Machine code for a kernel that is to be launched: as {@link #assemble}, and for kernels of
   * warpgroups only what was written.
   *
   * @throws AssemblyException also where such a kernel spills, waits more often than it says, or
   *     keeps its registers in spite of {@code setmaxnreg}
   */
  public static Assembly build(String ptx, Target target) {
    return accept(ptx, assemble(ptx, target));
  }

  /**
   * Machine code that is to be launched, once it is known what it costs.
   *
   * @throws AssemblyException as {@link #build}
   */
  public static Assembly accept(String ptx, Assembly assembly) {
    if (WarpgroupGate.applies(ptx)) {
      WarpgroupGate.check(assembly);
    }
    return assembly;
  }

  /** The version of the assembler, such as {@code 12.0}. */
  public static String version() {
    NativeLibraries.load(NativeLibrary.PTX_COMPILER);
    int[] major = new int[1];
    int[] minor = new int[1];
    require(JNvPTXCompiler.nvPTXCompilerGetVersion(major, minor), "tell its version");
    return major[0] + "." + minor[0];
  }

  static Assembly assemble(String ptx, String target) {
    NativeLibraries.load(NativeLibrary.PTX_COMPILER);
    if (ptx.indexOf('\0') >= 0) {
      throw new AssemblyException("PTX text must not contain a NUL");
    }
    byte[] text = ptx.getBytes(StandardCharsets.UTF_8);
    nvPTXCompilerHandle handle = new nvPTXCompilerHandle();
    int created = JNvPTXCompiler.nvPTXCompilerCreate(handle, text.length, text);
    require(created, "take the PTX");
    try {
      return compile(handle, ptx, target);
    } finally {
      JNvPTXCompiler.nvPTXCompilerDestroy(handle);
    }
  }

  private static Assembly compile(nvPTXCompilerHandle handle, String ptx, String target) {
    String[] options = {"--gpu-name=" + target, "--verbose"};
    int result = JNvPTXCompiler.nvPTXCompilerCompile(handle, options.length, options);
    if (result != nvPTXCompileResult.NVPTXCOMPILE_SUCCESS) {
      String text = errorLog(handle);
      if (text.contains("is not defined for option 'gpu-name'")) {
        throw new AssemblyException(
            "the assembler, version %s, does not know the target %s".formatted(version(), target));
      }
      List<Notice> errors = AssemblerLog.errors(text);
      if (errors.isEmpty()) {
        throw new AssemblyException(
            "the assembler failed with %s and said nothing"
                .formatted(nvPTXCompileResult.stringFor(result)));
      }
      throw new AssemblyException(target, errors, ptx);
    }
    AssemblerLog log = AssemblerLog.parse(infoLog(handle) + "\n" + errorLog(handle));
    long[] size = new long[1];
    require(JNvPTXCompiler.nvPTXCompilerGetCompiledProgramSize(handle, size), "give a size");
    byte[] cubin = new byte[Math.toIntExact(size[0])];
    require(JNvPTXCompiler.nvPTXCompilerGetCompiledProgram(handle, cubin), "give machine code");
    return new Assembly(cubin, log.entries(), log.notices());
  }

  private static String infoLog(nvPTXCompilerHandle handle) {
    long[] size = new long[1];
    require(JNvPTXCompiler.nvPTXCompilerGetInfoLogSize(handle, size), "give its log");
    byte[] log = new byte[Math.toIntExact(size[0]) + 1];
    if (size[0] > 0) {
      require(JNvPTXCompiler.nvPTXCompilerGetInfoLog(handle, log), "give its log");
    }
    return text(log);
  }

  private static String errorLog(nvPTXCompilerHandle handle) {
    long[] size = new long[1];
    require(JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(handle, size), "give its log");
    byte[] log = new byte[Math.toIntExact(size[0]) + 1];
    if (size[0] > 0) {
      require(JNvPTXCompiler.nvPTXCompilerGetErrorLog(handle, log), "give its log");
    }
    return text(log);
  }

  /** A C string: what stands before the first NUL. */
  private static String text(byte[] log) {
    int length = 0;
    while (length < log.length && log[length] != 0) {
      length++;
    }
    return new String(log, 0, length, StandardCharsets.UTF_8);
  }

  private static void require(int result, String what) {
    if (result != nvPTXCompileResult.NVPTXCOMPILE_SUCCESS) {
      throw new AssemblyException(
          "the assembler would not %s: %s".formatted(what, nvPTXCompileResult.stringFor(result)));
    }
  }
}
