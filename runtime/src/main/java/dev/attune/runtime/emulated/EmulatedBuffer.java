package dev.attune.runtime.emulated;

import dev.attune.ptx.emulate.EmulatedMemory;
import dev.attune.runtime.Buffer;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import java.nio.ByteBuffer;
import java.util.Objects;

/** An allocation of emulated memory. */
final class EmulatedBuffer implements Buffer {
  private final EmulatedDevice device;
  private final EmulatedMemory memory;
  private final long address;
  private final long bytes;
  private boolean closed;

  EmulatedBuffer(EmulatedDevice device, EmulatedMemory memory, long address, long bytes) {
    this.device = device;
    this.memory = memory;
    this.address = address;
    this.bytes = bytes;
  }

  @Override
  public Device device() {
    return device;
  }

  @Override
  public long address() {
    return address;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public boolean isClosed() {
    synchronized (memory) {
      return closed;
    }
  }

  @Override
  public void write(long offset, byte[] source, int from, int length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    Objects.checkFromIndexSize(from, length, source.length);
    synchronized (memory) {
      requireOpen();
      memory.write(address + offset, ByteBuffer.wrap(source, from, length));
    }
  }

  @Override
  public void read(long offset, byte[] target, int from, int length) {
    Objects.checkFromIndexSize(offset, length, bytes);
    Objects.checkFromIndexSize(from, length, target.length);
    synchronized (memory) {
      requireOpen();
      memory.read(address + offset, ByteBuffer.wrap(target, from, length));
    }
  }

  private void requireOpen() {
    device.requireOpen();
    if (closed) {
      throw new DeviceException("the buffer is closed");
    }
  }

  @Override
  public void close() {
    synchronized (memory) {
      if (!closed) {
        closed = true;
        memory.free(address);
      }
    }
  }
}
