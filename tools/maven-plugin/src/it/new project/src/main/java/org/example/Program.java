package org.example;

import dev.attune.runtime.Device;
import dev.attune.runtime.Tensor;
import org.example.attention.WideCausal;

class Program {
  static void attend(Device device, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse) {
    try (WideCausal attention = WideCausal.load(device)) {
      attention.on(q, k, v, o, lse).launch(device.stream());
    }
  }
}
