package dev.attune.runtime;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Turns arguments into a launch, or says why they must not be launched with. What passes here
 * cannot make a correct kernel touch a byte outside the buffers it was given.
 */
final class LaunchCheck {
  /** Bytes that one asynchronous copy moves; addresses and rows are aligned to it. */
  private static final int VECTOR_BYTES = 16;

  private static final int MAX_GRID_YZ = 65535;

  private final Device device;
  private final AttentionSpec spec;
  private final Manifest manifest;
  private final Arguments arguments;

  LaunchCheck(Device device, AttentionSpec spec, Manifest manifest, Arguments arguments) {
    this.device = device;
    this.spec = spec;
    this.manifest = manifest;
    this.arguments = arguments;
  }

  /** The launch. */
  LaunchPlan plan() {
    Map<Operand, Tensor> operands = operands();
    Shape shape = shape(operands);
    double scale = ScalarCheck.scale(arguments, shape);
    Map<String, Double> params = ScalarCheck.params(spec, arguments, shape);
    Map<String, Tensor> captured = captured(shape, scale, params);
    requireMemory(operands, captured);
    int rows = manifest.rowsPerBlock();
    int tiles = Math.ceilDiv(shape.seq(), rows);
    requireGrid("q's heads", shape.heads());
    requireGrid("the batch", shape.batch());
    int[] offsets = new int[manifest.parameters().size()];
    byte[] block = block(operands, captured, shape, scale, params, offsets);
    List<LaunchPlan.Output> outputs =
        operands.entrySet().stream()
            .filter(e -> written(e.getKey()) && !e.getValue().isEmpty())
            .map(e -> new LaunchPlan.Output(name(e.getKey()), e.getValue()))
            .toList();
    return new LaunchPlan(shape, tiles, shape.heads(), shape.batch(), block, offsets, outputs);
  }

  private static boolean written(Operand operand) {
    return switch (operand) {
      case Q, K, V -> false;
      case O, LSE, MAX_SCORE -> true;
    };
  }

  private static String name(Operand operand) {
    return operand.name().toLowerCase(Locale.ROOT);
  }

  /**
   * The tensors by operand; those of fixed type and rank, with what the kernel needs and no more.
   */
  private Map<Operand, Tensor> operands() {
    Map<Operand, Tensor> operands = new LinkedHashMap<>();
    operands.put(Operand.Q, arguments.q());
    operands.put(Operand.K, arguments.k());
    operands.put(Operand.V, arguments.v());
    operands.put(Operand.O, arguments.o());
    ElementType type = ElementType.of(manifest.dtype());
    operands.forEach((operand, tensor) -> requireType(name(operand), tensor, type));
    operands.forEach((operand, tensor) -> requireRank(name(operand), tensor, 4));
    optional(Operand.LSE, arguments.lse()).ifPresent(t -> operands.put(Operand.LSE, t));
    optional(Operand.MAX_SCORE, arguments.maxScore())
        .ifPresent(t -> operands.put(Operand.MAX_SCORE, t));
    return operands;
  }

  private Optional<Tensor> optional(Operand operand, Optional<Tensor> given) {
    boolean needed =
        manifest.parameters().stream()
            .anyMatch(p -> p.role().equals(new Parameter.Role.Pointer(operand)));
    if (needed && given.isEmpty()) {
      throw new LaunchException(
          "%s is missing: this kernel writes it, as float32 [B, Hq, Sq]".formatted(name(operand)));
    }
    if (!needed && given.isPresent()) {
      throw new LaunchException(
          "%s is given, but this kernel does not write it".formatted(name(operand)));
    }
    given.ifPresent(
        t -> {
          requireType(name(operand), t, ElementType.F32);
          requireRank(name(operand), t, 3);
          requireContiguous(name(operand), t);
        });
    return given;
  }

  private static void requireType(String name, Tensor tensor, ElementType type) {
    if (tensor.type() != type) {
      throw new LaunchException("%s has type %s, expected %s".formatted(name, tensor.type(), type));
    }
  }

  private static void requireRank(String name, Tensor tensor, int rank) {
    if (tensor.rank() != rank) {
      throw new LaunchException(
          "%s has %d dimensions, expected %d".formatted(name, tensor.rank(), rank));
    }
  }

  private static void requireContiguous(String name, Tensor tensor) {
    if (!tensor.isContiguous()) {
      throw new LaunchException(
          "%s has gaps or another order, expected row-major without gaps: %s"
              .formatted(name, tensor));
    }
  }

  private Shape shape(Map<Operand, Tensor> operands) {
    Tensor q = arguments.q();
    Tensor k = arguments.k();
    HeadDim head = manifest.headDim();
    Shape shape;
    try {
      shape = new Shape(q.extent(0), q.extent(2), k.extent(2), q.extent(1), k.extent(1), head);
    } catch (IllegalArgumentException e) {
      throw new LaunchException(
          "q is %s and k is %s: %s"
              .formatted(Arrays.toString(q.shape()), Arrays.toString(k.shape()), e.getMessage()));
    }
    int[] expectedLse = {shape.batch(), shape.heads(), shape.seq()};
    operands.forEach(
        (operand, tensor) ->
            requireShape(
                name(operand),
                tensor,
                switch (operand) {
                  case Q -> new int[] {shape.batch(), shape.seq(), shape.heads(), head.qk()};
                  case K -> new int[] {shape.batch(), shape.kvSeq(), shape.kvHeads(), head.qk()};
                  case V -> new int[] {shape.batch(), shape.kvSeq(), shape.kvHeads(), head.v()};
                  case O -> new int[] {shape.batch(), shape.seq(), shape.heads(), head.v()};
                  case LSE, MAX_SCORE -> expectedLse;
                },
                switch (operand) {
                  case Q, K -> "[B, S, H, Dqk]";
                  case V, O -> "[B, S, H, Dv]";
                  case LSE, MAX_SCORE -> "[B, Hq, Sq]";
                }));
    return shape;
  }

  private static void requireShape(String name, Tensor tensor, int[] expected, String meaning) {
    if (!Arrays.equals(tensor.shape(), expected)) {
      throw new LaunchException(
          "%s has shape %s, expected %s (%s, as q, k and the kernel have them)"
              .formatted(
                  name, Arrays.toString(tensor.shape()), Arrays.toString(expected), meaning));
    }
  }

  private Map<String, Tensor> captured(Shape shape, double scale, Map<String, Double> params) {
    for (String name : arguments.tensors().keySet().stream().sorted().toList()) {
      if (spec.tensor(name).isEmpty()) {
        throw new LaunchException(
            "'%s' declares no tensor '%s'; it declares %s"
                .formatted(
                    spec.name(), name, spec.tensors().stream().map(TensorDecl::name).toList()));
      }
    }
    Eval eval = new Eval(new Bindings(shape, scale, params, Map.of()));
    Map<String, Tensor> captured = new LinkedHashMap<>();
    for (TensorDecl declared : spec.tensors()) {
      String name = declared.name();
      Tensor tensor = arguments.tensors().get(name);
      if (tensor == null) {
        throw new LaunchException(
            "tensor %s is missing, expected %s %s"
                .formatted(name, ElementType.of(declared.type()), extents(declared, eval)));
      }
      requireType(name, tensor, ElementType.of(declared.type()));
      requireRank(name, tensor, declared.shape().size());
      List<Long> expected = extents(declared, eval);
      if (!Arrays.stream(tensor.shape()).mapToObj(n -> (long) n).toList().equals(expected)) {
        throw new LaunchException(
            "%s has shape %s, expected %s"
                .formatted(name, Arrays.toString(tensor.shape()), expected));
      }
      requireContiguous(name, tensor);
      if (tensor.isEmpty() && shape.batch() > 0 && shape.seq() > 0 && shape.kvSeq() > 0) {
        throw new LaunchException(
            "%s has shape %s, expected at least one element"
                .formatted(name, Arrays.toString(tensor.shape())));
      }
      captured.put(name, tensor);
    }
    return captured;
  }

  private static List<Long> extents(TensorDecl declared, Eval eval) {
    List<Long> extents = new ArrayList<>();
    for (Expr e : declared.shape()) {
      extents.add(eval.integer(e));
    }
    return extents;
  }

  /** Alignment, bounds and overlap. */
  private void requireMemory(Map<Operand, Tensor> operands, Map<String, Tensor> captured) {
    Map<String, Footprint> footprints = new LinkedHashMap<>();
    operands.forEach(
        (operand, tensor) -> {
          boolean vectors = operand != Operand.LSE && operand != Operand.MAX_SCORE;
          if (vectors && !tensor.isEmpty()) {
            requireStrides(name(operand), tensor);
          }
          int alignment = vectors ? VECTOR_BYTES : tensor.type().bytes();
          footprints.put(name(operand), footprint(name(operand), tensor, alignment));
        });
    captured.forEach(
        (name, tensor) ->
            footprints.put("tensor " + name, footprint(name, tensor, tensor.type().bytes())));
    for (Operand operand : operands.keySet()) {
      Footprint output = footprints.get(name(operand));
      if (!written(operand) || output == null) {
        continue;
      }
      if (output.mayOverlapItself()) {
        throw new LaunchException(
            "%s is written, but its strides let elements share memory: %s"
                .formatted(name(operand), operands.get(operand)));
      }
      footprints.forEach(
          (other, footprint) -> {
            if (!other.equals(name(operand)) && output.mayOverlap(footprint)) {
              throw new LaunchException(
                  "%s is written, but shares memory with %s".formatted(name(operand), other));
            }
          });
    }
  }

  private static void requireStrides(String name, Tensor tensor) {
    int last = tensor.rank() - 1;
    if (tensor.extent(last) > 1 && tensor.stride(last) != 1) {
      throw new LaunchException(
          "%s has stride %d along its last axis, expected 1".formatted(name, tensor.stride(last)));
    }
    int elements = VECTOR_BYTES / tensor.type().bytes();
    for (int axis = 0; axis < last; axis++) {
      if (tensor.extent(axis) > 1 && tensor.stride(axis) % elements != 0) {
        throw new LaunchException(
            "%s has stride %d along axis %d, expected a multiple of %d elements"
                .formatted(name, tensor.stride(axis), axis, elements));
      }
    }
  }

  private Footprint footprint(String name, Tensor tensor, int alignment) {
    if (!tensor.buffer().device().equals(device)) {
      throw new LaunchException("%s lies on another device than the kernel".formatted(name));
    }
    Footprint footprint;
    try {
      footprint = Footprint.of(tensor);
    } catch (ArithmeticException e) {
      throw new LaunchException("%s has addresses beyond 64 bits: %s".formatted(name, tensor));
    }
    footprint.requireInside(tensor, name);
    if (!footprint.empty() && tensor.address() % alignment != 0) {
      throw new LaunchException(
          "%s starts at address 0x%x, expected a multiple of %d bytes"
              .formatted(name, tensor.address(), alignment));
    }
    return footprint;
  }

  private static void requireGrid(String what, int extent) {
    if (extent > MAX_GRID_YZ) {
      throw new LaunchException(
          "%s has extent %d, expected at most %d".formatted(what, extent, MAX_GRID_YZ));
    }
  }

  private byte[] block(
      Map<Operand, Tensor> operands,
      Map<String, Tensor> captured,
      Shape shape,
      double scale,
      Map<String, Double> params,
      int[] offsets) {
    List<Parameter> parameters = manifest.parameters();
    int end = 0;
    for (int i = 0; i < offsets.length; i++) {
      Parameter.Type type = parameters.get(i).type();
      offsets[i] = Math.ceilDiv(end, type.alignment()) * type.alignment();
      end = offsets[i] + type.bytes();
    }
    ByteBuffer block = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < offsets.length; i++) {
      int at = offsets[i];
      switch (parameters.get(i).role()) {
        case Parameter.Role.Pointer(Operand of) -> block.putLong(at, get(operands, of).address());
        case Parameter.Role.Stride(Operand of, Parameter.Axis axis) ->
            block.putLong(at, stride(get(operands, of), axis));
        case Parameter.Role.Size(var extent) -> block.putInt(at, shape.extent(extent));
        case Parameter.Role.Scale() -> block.putFloat(at, (float) scale);
        case Parameter.Role.Scalar(String name) -> {
          double value = get(params, name);
          if (parameters.get(i).type() == Parameter.Type.F32) {
            block.putFloat(at, (float) value);
          } else {
            block.putInt(at, (int) value);
          }
        }
        case Parameter.Role.Captured(String name) ->
            block.putLong(at, get(captured, name).address());
        case Parameter.Role.TensorMap m -> throw new UnsupportedOperationException();
        case Parameter.Role.Counter c -> throw new UnsupportedOperationException();
      }
    }
    return block.array();
  }

  /** The stride a kernel may rely on: 0 along an axis it cannot move on. */
  private static long stride(Tensor tensor, Parameter.Axis axis) {
    int index =
        switch (axis) {
          case BATCH -> 0;
          case SEQ -> 1;
          case HEAD -> 2;
        };
    return tensor.extent(index) > 1 ? tensor.stride(index) : 0;
  }

  private static <K, V> V get(Map<K, V> map, K key) {
    V value = map.get(key);
    if (value == null) {
      throw new AssertionError("checked before: " + key);
    }
    return value;
  }
}
