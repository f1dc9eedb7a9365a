package org.example.program;

import dev.attune.runtime.Device;
import org.example.attention.Near;

/** One attention of a module before, one of this, one of a library. */
record Layers(Near near, Both both, SlidingWindow window) {
  static Layers load(Device device) {
    return new Layers(Near.load(device), Both.load(device), SlidingWindow.load(device));
  }
}
