package dev.attune.runtime.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.OptionalInt;
import jcuda.driver.CUjitInputType;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUresult;

/**
 * The driver's {@code cuLink…}: its compiler of PTX, with machine code as the result that can be
 * kept. Bound here, because the driver writes to a linker's options as long as that lives, and
 * JCuda does not say how long it keeps them.
 */
final class Linker {
  private final MethodHandle create;
  private final MethodHandle addData;
  private final MethodHandle complete;
  private final MethodHandle destroy;

  /** Binds the functions of a driver. */
  private Linker(SymbolLookup driver) {
    create = bind(driver, "cuLinkCreate_v2", JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
    addData =
        bind(
            driver,
            "cuLinkAddData_v2",
            ADDRESS, // state
            JAVA_INT, // type
            ADDRESS, // data
            JAVA_LONG, // size
            ADDRESS, // name
            JAVA_INT, // numOptions
            ADDRESS, // options
            ADDRESS); // optionValues
    complete = bind(driver, "cuLinkComplete", ADDRESS, ADDRESS, ADDRESS);
    destroy = bind(driver, "cuLinkDestroy", ADDRESS);
  }

  private static MethodHandle bind(SymbolLookup driver, String name, MemoryLayout... parameters) {
    return java.lang.foreign.Linker.nativeLinker()
        .downcallHandle(driver.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, parameters));
  }

  /** The linker of a driver; none if the library or one of the functions is missing. */
  static Optional<Linker> of(String library) {
    try {
      return Optional.of(new Linker(SymbolLookup.libraryLookup(library, Arena.global())));
    } catch (IllegalArgumentException | NoSuchElementException e) {
      return Optional.empty();
    }
  }

  /**
   * Machine code for the device whose context is current; none if the driver makes none.
   *
   * @param level how much to optimise, 0 to 4, where the driver does not decide
   */
  Optional<byte[]> link(String ptx, OptionalInt level) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment options = arena.allocateFrom(JAVA_INT, CUjit_option.CU_JIT_OPTIMIZATION_LEVEL);
      // A number stands where other options have a pointer.
      MemorySegment values = arena.allocateFrom(ADDRESS, MemorySegment.ofAddress(level.orElse(0)));
      int count = level.isPresent() ? 1 : 0;
      MemorySegment out = arena.allocate(ADDRESS);
      if (failed((int) create.invokeExact(count, options, values, out))) {
        return Optional.empty();
      }
      MemorySegment state = out.get(ADDRESS, 0);
      try {
        return link(arena, state, ptx.getBytes(StandardCharsets.UTF_8));
      } finally {
        int ignored = (int) destroy.invokeExact(state);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a native call throws nothing", e);
    }
  }

  private Optional<byte[]> link(Arena arena, MemorySegment state, byte[] ptx) throws Throwable {
    MemorySegment text = arena.allocate(ptx.length + 1L);
    MemorySegment.copy(ptx, 0, text, JAVA_BYTE, 0, ptx.length);
    int added =
        (int)
            addData.invokeExact(
                state,
                CUjitInputType.CU_JIT_INPUT_PTX,
                text,
                text.byteSize(),
                arena.allocateFrom("kernel.ptx"),
                0,
                MemorySegment.NULL,
                MemorySegment.NULL);
    MemorySegment cubin = arena.allocate(ADDRESS);
    MemorySegment size = arena.allocate(JAVA_LONG);
    if (failed(added) || failed((int) complete.invokeExact(state, cubin, size))) {
      return Optional.empty();
    }
    // The linker owns this memory until it is destroyed.
    return Optional.of(
        cubin.get(ADDRESS, 0).reinterpret(size.get(JAVA_LONG, 0)).toArray(JAVA_BYTE));
  }

  private static boolean failed(int code) {
    return code != CUresult.CUDA_SUCCESS;
  }
}
