package dev.attune.compiler.tile;

import java.util.HashMap;
import java.util.Map;

/** The values of one running role, by name. */
final class Values {
  private final Map<Value, Data> values = new HashMap<>();

  void put(Value value, Data data) {
    values.put(value, data);
  }

  void putInt(Value value, long number) {
    put(value, new Data.Int(number));
  }

  void clear() {
    values.clear();
  }

  /**
   * What a name stands for.
   *
   * @throws InvalidTileKernelException where it is the result of a product not yet awaited
   */
  Data get(Value value) {
    Data data = values.get(value);
    if (data == null) {
      throw new IllegalStateException(value + " is read before it is defined");
    }
    if (data instanceof Data.Unfinished) {
      throw new InvalidTileKernelException(value.name(), "is read before it has been awaited");
    }
    return data;
  }

  long integer(Value value) {
    return as(Data.Int.class, value).value();
  }

  Data.Matrix matrix(Value value) {
    return as(Data.Matrix.class, value);
  }

  double[] row(Value value) {
    return as(Data.Row.class, value).values();
  }

  double[] lanes(Value value) {
    return as(Data.Lanes.class, value).values();
  }

  private <T extends Data> T as(Class<T> type, Value value) {
    Data data = get(value);
    if (!type.isInstance(data)) {
      throw new IllegalStateException(
          "%s is %s, but read as a %s".formatted(value, value.type(), type.getSimpleName()));
    }
    return type.cast(data);
  }
}
