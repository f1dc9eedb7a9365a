package dev.attune.runtime;

import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.Shape;
import dev.attune.compiler.tile.Lowering;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Lays the parameters of a kernel out, with every value that does not depend on addresses. */
final class BlockWriter {
  private final List<Parameter> parameters;
  private final int[] offsets;
  private final ByteBuffer block;
  private final List<LaunchLayout.Slot> slots = new ArrayList<>();

  /**
   * Writes the block.
   *
   * @param operands tensors [B, S, H, D] by operand, those of a packed batch of one element, which
   *     stand at the indices of {@code places}
   * @param places the index of each tensor by its name
   * @param batch where sequences lie, unless they are dense
   * @param step of residue classes; 1 where items are of whole sequences
   * @param empty whether nothing will be launched, so that tensors without elements are no problem
   * @throws LaunchException if a tensor map cannot say where a tensor's elements lie
   */
  BlockWriter(
      Manifest manifest,
      Map<Operand, Tensor> operands,
      Map<String, Integer> places,
      Shape shape,
      double scale,
      Map<String, Double> params,
      Optional<Sequences> batch,
      long step,
      boolean empty) {
    parameters = manifest.parameters();
    offsets = new int[parameters.size()];
    int end = 0;
    for (int i = 0; i < offsets.length; i++) {
      Parameter.Type type = parameters.get(i).type();
      offsets[i] = Math.ceilDiv(end, type.alignment()) * type.alignment();
      end = offsets[i] + type.bytes();
    }
    block = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < offsets.length; i++) {
      int at = offsets[i];
      switch (parameters.get(i).role()) {
        case Parameter.Role.Pointer(Operand of) ->
            slots.add(new LaunchLayout.Slot.Address(at, get(places, LaunchCheck.name(of))));
        case Parameter.Role.Stride(Operand of, Parameter.Axis axis) ->
            block.putLong(at, stride(get(operands, of), axis));
        case Parameter.Role.Size(var extent) -> block.putInt(at, shape.extent(extent));
        case Parameter.Role.Scale() -> block.putFloat(at, (float) scale);
        case Parameter.Role.ScaleLog2e() -> block.putFloat(at, (float) (scale * Lowering.LOG2E));
        case Parameter.Role.Scalar(String name) -> {
          double value = get(params, name);
          if (parameters.get(i).type() == Parameter.Type.F32) {
            block.putFloat(at, (float) value);
          } else {
            block.putInt(at, (int) value);
          }
        }
        case Parameter.Role.Captured(String name) ->
            slots.add(
                new LaunchLayout.Slot.Address(at, get(places, LaunchCheck.capturedName(name))));
        case Parameter.Role.TensorMap role -> {
          if (!empty) {
            TensorMap map = map(role, operands, shape, step);
            slots.add(new LaunchLayout.Slot.Map(at, get(places, LaunchCheck.name(role.of())), map));
          }
        }
        case Parameter.Role.BoxBytes(Operand of) -> {
          if (!empty) {
            block.putInt(at, map(grouped(of), operands, shape, step).boxBytes());
          }
        }
        case Parameter.Role.Sequences(Operand of) ->
            slots.add(new LaunchLayout.Slot.Address(at, get(places, sequences(batch).name(of))));
        case Parameter.Role.Tokens(Operand of) -> block.putInt(at, get(operands, of).extent(1));
        case Parameter.Role.Pitch(Operand of) -> {
          if (!empty) {
            block.putInt(at, TensorMap.pitch(LaunchCheck.name(of), get(operands, of), step));
          }
        }
        case Parameter.Role.Counter() -> slots.add(new LaunchLayout.Slot.Counter(at));
      }
    }
  }

  private static TensorMap map(
      Parameter.Role.TensorMap role, Map<Operand, Tensor> operands, Shape shape, long step) {
    String name = LaunchCheck.name(role.of());
    Tensor tensor = get(operands, role.of());
    return switch (role.form()) {
      case PLAIN -> TensorMap.of(name, tensor, role.boxRows(), role.boxCols());
      case GROUPED ->
          TensorMap.grouped(name, tensor, shape.group(), role.boxRows(), role.boxCols());
      case SEQUENCES -> TensorMap.sequences(name, tensor, role.boxRows(), role.boxCols(), step);
    };
  }

  /** The grouped tensor map of an operand. */
  private Parameter.Role.TensorMap grouped(Operand of) {
    return parameters.stream()
        .flatMap(p -> p.role() instanceof Parameter.Role.TensorMap m ? Stream.of(m) : Stream.of())
        .filter(m -> m.of() == of && m.form() == Parameter.Form.GROUPED)
        .findFirst()
        .orElseThrow(() -> new AssertionError("checked before: a grouped map of " + of));
  }

  byte[] block() {
    return block.array();
  }

  int[] offsets() {
    return offsets;
  }

  List<LaunchLayout.Slot> slots() {
    return slots;
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

  private static Sequences sequences(Optional<Sequences> batch) {
    return batch.orElseThrow(() -> new AssertionError("checked before: sequences"));
  }

  private static <K, V> V get(Map<K, V> map, K key) {
    V value = map.get(key);
    if (value == null) {
      throw new AssertionError("checked before: " + key);
    }
    return value;
  }
}
