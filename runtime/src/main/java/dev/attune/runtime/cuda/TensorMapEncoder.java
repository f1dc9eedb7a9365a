package dev.attune.runtime.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.attune.runtime.DeviceException;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.TensorMap;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/** The driver's {@code cuTensorMapEncodeTiled}, which JCuda does not bind. */
final class TensorMapEncoder {
  private static final String FUNCTION = "cuTensorMapEncodeTiled";

  /** The driver wants the address of the result to be a multiple of this. */
  private static final int ALIGNMENT = 64;

  // Constants of cuda.h.
  private static final int CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6;
  private static final int CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9;
  private static final int CU_TENSOR_MAP_INTERLEAVE_NONE = 0;
  private static final int CU_TENSOR_MAP_SWIZZLE_64B = 2;
  private static final int CU_TENSOR_MAP_SWIZZLE_128B = 3;
  private static final int CU_TENSOR_MAP_L2_PROMOTION_L2_256B = 3;
  private static final int CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0;

  private static final FunctionDescriptor DESCRIPTOR =
      FunctionDescriptor.of(
          JAVA_INT, // CUresult
          ADDRESS, // tensorMap
          JAVA_INT, // tensorDataType
          JAVA_INT, // tensorRank
          JAVA_LONG, // globalAddress
          ADDRESS, // globalDim
          ADDRESS, // globalStrides
          ADDRESS, // boxDim
          ADDRESS, // elementStrides
          JAVA_INT, // interleave
          JAVA_INT, // swizzle
          JAVA_INT, // l2Promotion
          JAVA_INT); // oobFill

  private final MethodHandle encode;

  private TensorMapEncoder(MethodHandle encode) {
    this.encode = encode;
  }

  /**
   * The function of a driver.
   *
   * @throws DeviceException if the driver is older than tensor maps
   */
  static TensorMapEncoder of(String library) {
    try {
      SymbolLookup driver = SymbolLookup.libraryLookup(library, Arena.global());
      return driver
          .find(FUNCTION)
          .map(address -> Linker.nativeLinker().downcallHandle(address, DESCRIPTOR))
          .map(TensorMapEncoder::new)
          .orElseThrow(
              () ->
                  new DeviceException(
                      "the driver is too old for tensor maps, which need version 12.0 or later"
                          + " (525)"));
    } catch (IllegalArgumentException e) {
      throw new DeviceException("%s cannot be loaded".formatted(library), e);
    }
  }

  /**
   * Encodes a map; the context must be current.
   *
   * @throws DeviceException if the driver does not take it
   */
  byte[] encode(CudaContext context, TensorMap map) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(TensorMap.BYTES, ALIGNMENT);
      MemorySegment dims =
          arena.allocateFrom(
              JAVA_LONG, map.dims().stream().mapToLong(Integer::longValue).toArray());
      MemorySegment strides =
          arena.allocateFrom(JAVA_LONG, map.strides().stream().mapToLong(s -> s).toArray());
      MemorySegment box =
          arena.allocateFrom(JAVA_INT, map.box().stream().mapToInt(b -> b).toArray());
      MemorySegment elementStrides =
          arena.allocateFrom(JAVA_INT, map.box().stream().mapToInt(b -> 1).toArray());
      int code =
          (int)
              encode.invokeExact(
                  result,
                  dataType(map.type()),
                  map.dims().size(),
                  map.address(),
                  dims,
                  strides,
                  box,
                  elementStrides,
                  CU_TENSOR_MAP_INTERLEAVE_NONE,
                  swizzle(map.span()),
                  CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
      context.check(code, "encode " + map);
      return result.toArray(JAVA_BYTE);
    } catch (DeviceException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a native call throws nothing", e);
    }
  }

  private static int swizzle(int span) {
    return switch (span) {
      case 64 -> CU_TENSOR_MAP_SWIZZLE_64B;
      case 128 -> CU_TENSOR_MAP_SWIZZLE_128B;
      default -> throw new IllegalArgumentException("no swizzle of " + span + " bytes");
    };
  }

  private static int dataType(ElementType type) {
    return switch (type) {
      case BF16 -> CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
      case F16 -> CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
      case F32, I32, BOOL ->
          throw new IllegalArgumentException("tensor maps are of 16-bit floats, found " + type);
    };
  }
}
