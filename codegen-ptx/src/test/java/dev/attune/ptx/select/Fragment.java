package dev.attune.ptx.select;

import dev.attune.ptx.PtxPrinter;
import dev.attune.ptx.emulate.Dim3;
import dev.attune.ptx.emulate.EmulatedMemory;
import dev.attune.ptx.emulate.EmulatedModule;
import dev.attune.ptx.emulate.EmulatorOptions;
import dev.attune.ptx.emulate.LaunchConfig;
import dev.attune.ptx.emulate.OutputRegion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What an emitter holds, on the emulator, once for each of many inputs: a kernel loads an input
 * from {@code [%a0]} on, runs the code, and stores a result from {@code [%a1]} on.
 *
 * @param load PTX that sets the registers which the code reads; {@code %s0} is the thread of its
 *     CTA
 * @param store PTX that stores the results
 * @param outputBytes of one result
 */
record Fragment(Emitter emit, String load, String store, int outputBytes) {

  /** The results of threads, one for each of a multiple of 256 inputs that follow one another. */
  ByteBuffer ofThreads(ByteBuffer inputs, int count) {
    return run(new EmulatedMemory(), inputs, count, 256, "mad.lo.s32 %s2, %s1, 256, %s0;");
  }

  /** The results of warps, one for each input; an input may point to what stands in the memory. */
  ByteBuffer ofWarps(EmulatedMemory memory, ByteBuffer inputs, int count) {
    return run(memory, inputs, count, 32, "mov.u32 %s2, %s1;");
  }

  private ByteBuffer run(
      EmulatedMemory memory, ByteBuffer inputs, int count, int threads, String number) {
    String code =
        emit.code().stream()
            .map(PtxPrinter::print)
            .map(line -> line + (line.endsWith(":") ? "\n" : ";\n"))
            .collect(Collectors.joining());
    String module =
        """
        .version 8.0
        .target sm_80
        .address_size 64
        .visible .entry k(.param .u64 in, .param .u64 out)
        {
        .reg .b32 %%s<4>;
        .reg .b64 %%a<4>;
        .reg .b32 %%r<999>;
        .reg .b64 %%rd<999>;
        .reg .f32 %%f<99>;
        .reg .pred %%p<999>;
        ld.param.u64 %%a0, [in];
        ld.param.u64 %%a1, [out];
        mov.u32 %%s0, %%tid.x;
        mov.u32 %%s1, %%ctaid.x;
        %s
        mul.wide.u32 %%a2, %%s2, %d;
        add.u64 %%a0, %%a0, %%a2;
        mul.wide.u32 %%a2, %%s2, %d;
        add.u64 %%a1, %%a1, %%a2;
        %s%s%sret;
        }
        """
            .formatted(number, inputs.capacity() / count, outputBytes, load, code, store);
    long bytes = (long) outputBytes * count;
    byte[] given = new byte[inputs.capacity()];
    inputs.get(0, given);
    long from = memory.allocate(given.length);
    long to = memory.allocate(bytes);
    memory.write(from, given);
    ByteBuffer block = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    block.putLong(from).putLong(to);
    EmulatedModule.parse(module)
        .entry("k")
        .launch(
            memory,
            new LaunchConfig(
                Dim3.of(threads == 32 ? count : count / threads),
                Dim3.of(threads),
                0,
                List.of(OutputRegion.contiguous("out", to, bytes)),
                EmulatorOptions.defaults()),
            block.array());
    ByteBuffer results = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    memory.read(to, results.duplicate());
    return results;
  }
}
