package dev.attune.runtime;

import dev.attune.compiler.spec.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * A launch but for the places of its tensors, which may be others at every launch. What binds here
 * cannot make a correct kernel touch a byte outside the buffers it was given.
 *
 * @param queries of the longest sequence that items are of: of a residue class, where they are of
 *     classes
 * @param gridX CTAs along x
 * @param gridY CTAs along y
 * @param gridZ CTAs along z
 * @param places of the tensors, in the order of {@link Signature#tensors}
 * @param block the kernel's parameters, but for addresses
 * @param offsets where in the block each parameter starts
 * @param slots where in the block addresses go
 */
@SuppressWarnings("ArrayRecordComponent") // Bulk data: identity is the only useful equality.
record LaunchLayout(
    Shape shape,
    int queries,
    int gridX,
    int gridY,
    int gridZ,
    List<Place> places,
    byte[] block,
    int[] offsets,
    List<Slot> slots) {

  LaunchLayout {
    places = List.copyOf(places);
    slots = List.copyOf(slots);
  }

  /**
   * The memory of one tensor.
   *
   * @param footprint as if the tensor's first element lay at address 0
   * @param alignment of the first element, in bytes
   */
  record Place(String name, Footprint footprint, int alignment, boolean written) {}

  /** A parameter that depends on where tensors lie, at a byte of the block. */
  sealed interface Slot {
    /** The address of a tensor, by its index. */
    record Address(int at, int tensor) implements Slot {}

    /** The tensor map of a tensor, by its index; {@code map} has the address 0. */
    record Map(int at, int tensor, TensorMap map) implements Slot {}

    /** The address of the work counter. */
    record Counter(int at) implements Slot {}
  }

  /**
   * The launch with tensors at their places. An empty one has no parameters.
   *
   * @param sequences of the arguments
   * @param encode encodes a tensor map
   * @param counter the address of a work counter
   * @throws LaunchException naming the tensor that must not lie where it does
   */
  LaunchPlan bind(
      Device device,
      List<Tensor> tensors,
      Optional<Sequences> sequences,
      Function<TensorMap, byte[]> encode,
      LongSupplier counter) {
    requireMemory(device, tensors);
    List<LaunchPlan.Output> outputs = new ArrayList<>(2);
    for (int i = 0; i < places.size(); i++) {
      Place place = places.get(i);
      if (place.written() && !place.footprint().empty()) {
        outputs.add(new LaunchPlan.Output(place.name(), tensors.get(i), sequences));
      }
    }
    boolean empty = gridX == 0 || gridY == 0 || gridZ == 0;
    byte[] bound = empty ? block : fill(tensors, encode, counter);
    return new LaunchPlan(shape, gridX, gridY, gridZ, bound, offsets, outputs);
  }

  private byte[] fill(
      List<Tensor> tensors, Function<TensorMap, byte[]> encode, LongSupplier counter) {
    ByteBuffer bytes = ByteBuffer.wrap(block.clone()).order(ByteOrder.LITTLE_ENDIAN);
    for (Slot slot : slots) {
      switch (slot) {
        case Slot.Address(int at, int tensor) -> bytes.putLong(at, tensors.get(tensor).address());
        case Slot.Map(int at, int tensor, TensorMap map) ->
            bytes.put(at, encode.apply(map.at(tensors.get(tensor).address())));
        case Slot.Counter(int at) -> bytes.putLong(at, counter.getAsLong());
      }
    }
    return bytes.array();
  }

  private void requireMemory(Device device, List<Tensor> tensors) {
    Footprint[] footprints = new Footprint[places.size()];
    for (int i = 0; i < footprints.length; i++) {
      footprints[i] = footprint(device, places.get(i), tensors.get(i));
    }
    for (int i = 0; i < footprints.length; i++) {
      for (int j = 0; j < footprints.length && places.get(i).written(); j++) {
        if (i != j && footprints[i].mayOverlap(footprints[j])) {
          throw new LaunchException(
              "%s is written, but shares memory with %s"
                  .formatted(places.get(i).name(), places.get(j).name()));
        }
      }
    }
  }

  private static Footprint footprint(Device device, Place place, Tensor tensor) {
    if (!tensor.buffer().device().equals(device)) {
      throw new LaunchException(
          "%s lies on another device than the kernel".formatted(place.name()));
    }
    Footprint footprint;
    try {
      footprint = place.footprint().at(tensor.address());
    } catch (ArithmeticException e) {
      throw new LaunchException(
          "%s has addresses beyond 64 bits: %s".formatted(place.name(), tensor));
    }
    footprint.requireInside(tensor, place.name());
    if (!footprint.empty() && tensor.address() % place.alignment() != 0) {
      throw new LaunchException(
          "%s starts at address 0x%x, expected a multiple of %d bytes"
              .formatted(place.name(), tensor.address(), place.alignment()));
    }
    return footprint;
  }
}
