package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.attune.compiler.spec.NdArray;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyTest {
  @TempDir Path directory;

  private Path file(int version, String header, byte... data) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(12 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    if (version == 1) {
      bytes.putShort((short) text.length);
    } else {
      bytes.putInt(text.length);
    }
    bytes.put(text).put(data);
    return write(Arrays.copyOf(bytes.array(), bytes.position()));
  }

  private Path write(byte[] bytes) {
    try {
      return Files.write(directory.resolve("a.npy"), bytes);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String header(String descr, String order, String shape) {
    return "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n".formatted(descr, order, shape);
  }

  private static void refused(Path file, String message) {
    NpyException e = assertThrows(NpyException.class, () -> Npy.read(file));
    assertEquals(file + message, e.getMessage());
  }

  @Test
  void everyTypeComesBack() {
    NdArray[] arrays = {
      new NdArray(new int[] {2, 3}, new float[] {0, -0f, 1, Float.NaN, Float.MIN_VALUE, -1e38f}),
      new NdArray(new int[] {3}, new int[] {Integer.MIN_VALUE, 0, 7}),
      new NdArray(new int[] {1, 2, 1}, new byte[] {1, 0}),
      new NdArray(new int[] {}, new float[] {5}),
      new NdArray(new int[] {4, 0, 2}, new int[0]),
      NdArray.floats(700_001),
    };
    for (NdArray array : arrays) {
      Path file = directory.resolve("back.npy");
      Npy.write(file, array);
      NdArray back = Npy.read(file);
      assertArrayEquals(array.shape(), back.shape());
      assertEquals(array.type(), back.type());
      switch (array.type()) {
        case FLOAT -> assertArrayEquals(array.floats(), back.floats());
        case INT -> assertArrayEquals(array.ints(), back.ints());
        case BOOL -> assertArrayEquals(array.bools(), back.bools());
      }
    }
  }

  @Test
  void whatNumpyWritesIsRead() {
    // numpy.save of numpy.array([[1, -2], [0.5, 65504]], numpy.float16), version 1.0.
    String header =
        "934e554d5059010076007b276465736372273a20273c6632272c2027666f727472616e5f6f72646572273a20"
            + "46616c73652c20277368617065273a2028322c2032292c207d20";
    byte[] prefix = HexFormat.of().parseHex(header);
    byte[] bytes = new byte[136];
    Arrays.fill(bytes, (byte) ' ');
    System.arraycopy(prefix, 0, bytes, 0, prefix.length);
    bytes[127] = '\n';
    System.arraycopy(HexFormat.of().parseHex("003c00c00038ff7b"), 0, bytes, 128, 8);
    NdArray array = Npy.read(write(bytes));
    assertArrayEquals(new int[] {2, 2}, array.shape());
    assertArrayEquals(new float[] {1, -2, 0.5f, 65504}, array.floats());
  }

  @Test
  void theWrittenHeaderIsNumpys() throws IOException {
    Path file = directory.resolve("h.npy");
    Npy.write(file, new NdArray(new int[] {2}, new float[] {1, 2}));
    byte[] bytes = Files.readAllBytes(file);
    assertEquals(128 + 8 - 64 + 64, bytes.length);
    assertEquals(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        new String(bytes, 10, 118, StandardCharsets.US_ASCII).strip());
    assertEquals('\n', bytes[127]);
  }

  @Test
  void versionsTwoAndThreeAreRead() {
    for (int version : new int[] {2, 3}) {
      NdArray array =
          Npy.read(file(version, header("<i4", "False", "(1,)"), new byte[] {1, 2, 0, 0}));
      assertArrayEquals(new int[] {513}, array.ints());
    }
    refused(file(4, header("<i4", "False", "(0,)")), " has .npy version 4.0, expected 1 to 3");
  }

  @Test
  void otherTypesAreRefusedWithHelp() {
    refused(
        file(1, header("<f8", "False", "(1,)"), new byte[8]),
        " is float64, expected float32, float16, int32 or bool; kernels compute in 16 and 32 bits:"
            + " save a.astype(numpy.float32)");
    refused(
        file(1, header("<i8", "False", "(1,)"), new byte[8]),
        " is int64, expected float32, float16, int32 or bool; save a.astype(numpy.int32)");
    refused(
        file(1, header(">f4", "False", "(1,)"), new byte[4]),
        " is big-endian, expected little-endian; save a.astype('<f4')");
    refused(
        file(1, header("<c8", "False", "(1,)"), new byte[8]),
        " has elements of type '<c8', expected float32, float16, int32 or bool");
    refused(
        file(1, "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }"),
        " holds records, expected numbers of one type");
    refused(
        file(1, header("<f4", "True", "(1, 1)"), new byte[4]),
        " is in Fortran order, expected C order; save numpy.ascontiguousarray(a)");
  }

  @Test
  void damagedFilesAreRefused() throws IOException {
    refused(directory.resolve("none.npy"), " does not exist");
    refused(
        write(new byte[0]),
        " is not a .npy file: it does not begin with \\x93NUMPY; write it with numpy.save");
    refused(
        write("PK\3\4 an archive".getBytes(StandardCharsets.US_ASCII)),
        " is not a .npy file: it does not begin with \\x93NUMPY; write it with numpy.save");
    refused(
        file(1, header("<f4", "False", "(2, 3)"), new byte[23]),
        " is truncated: shape [2, 3] needs 24 bytes of data, found 23");
    refused(
        file(1, header("<f4", "False", "(2, 3)"), new byte[25]),
        " is too long: shape [2, 3] needs 24 bytes of data, found 25");
    refused(
        file(1, "{'descr': '<f4'}"),
        " has a malformed header, expected descr, fortran_order and shape");
    refused(
        file(1, header("<f4", "False", "(-1,)")),
        " has a malformed header, expected descr, fortran_order and shape");
    refused(
        file(1, header("<f4", "False", "(2000000000, 2000000000, 2000000000)")),
        " has shape [2000000000, 2000000000, 2000000000], expected at most 2147483639 elements");
    refused(
        file(1, header("<f4", "False", "(99999999999,)")),
        " has an axis of extent 99999999999, expected at most 2147483647");
    Path whole = file(1, header("<f4", "False", "(2,)"), new byte[8]);
    byte[] bytes = Files.readAllBytes(whole);
    for (int length = 8; length < bytes.length - 8; length++) {
      refused(write(Arrays.copyOf(bytes, length)), " ends inside its header, so it is truncated");
    }
    NpyException e =
        assertThrows(NpyException.class, () -> Npy.write(directory, NdArray.floats(1)));
    assertEquals("cannot write " + directory + ": it is a directory", e.getMessage());
  }
}
