package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.runtime.emulated.EmulatedDevice;
import org.junit.jupiter.api.Test;

class EmulatedDeviceTest extends DeviceContract {
  @Override
  Device open() {
    return Device.open("emulated");
  }

  @Test
  void aKernelThatForgetsAByteIsCaught() {
    String ptx = CopyKernel.PTX;
    String store = "st.global.v4.b32 [%rd8], {%r12, %r13, %r14, %r15};";
    assertTrue(ptx.contains(store));
    Artifact forgetful =
        new Artifact(
            CopyKernel.artifact().manifest(),
            ptx.replace(store, "st.global.v2.b32 [%rd8], {%r12, %r13};"));
    try (EmulatedDevice device = EmulatedDevice.open()) {
      Kernel kernel = device.load(CopyKernel.SPEC, forgetful);
      Tensor q = device.tensor(Dtype.BF16, NdArray.floats(1, 2, 1, 8));
      Arguments arguments =
          Arguments.of(
                  q,
                  device.empty(ElementType.BF16, 1, 1, 1, 8),
                  device.empty(ElementType.BF16, 1, 1, 1, 8),
                  device.empty(ElementType.BF16, 1, 2, 1, 8))
              .lse(device.empty(ElementType.F32, 1, 1, 2))
              .tensor("bias", device.tensor(NdArray.floats(1)));
      DeviceException e =
          assertThrows(DeviceException.class, () -> kernel.launch(device.stream(), arguments));
      assertTrue(String.valueOf(e.getMessage()).contains("'o'"), e.getMessage());
    }
  }

  @Test
  void unknownNamesAreRefused() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Device.open("gpu"));
    assertEquals("unknown device 'gpu'; known are auto, cuda, cuda:0, emulated", e.getMessage());
  }
}
