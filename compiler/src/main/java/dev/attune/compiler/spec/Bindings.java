package dev.attune.compiler.spec;

import java.util.Map;

/**
 * The values a launch gives to the names of a spec.
 *
 * @param scale finite and positive
 * @param params every parameter by name: ints exactly, bools as 0 and 1
 * @param tensors every captured tensor by name, of its declared type and shape
 */
public record Bindings(
    Shape shape, double scale, Map<String, Double> params, Map<String, NdArray> tensors) {
  public Bindings {
    params = Map.copyOf(params);
    tensors = Map.copyOf(tensors);
  }
}
