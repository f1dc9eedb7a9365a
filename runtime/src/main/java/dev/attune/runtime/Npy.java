package dev.attune.runtime;

import dev.attune.compiler.spec.NdArray;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * NumPy's {@code .npy} files, versions 1 to 3 (numpy.lib.format): float32, float16, int32 and bool,
 * little-endian, in C order.
 */
public final class Npy {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAX_HEADER_BYTES = 1 << 20;
  private static final int CHUNK_BYTES = 1 << 20;
  private static final long MAX_ELEMENTS = Integer.MAX_VALUE - 8L;

  private static final Pattern DESCR =
      Pattern.compile("['\"]descr['\"]\\s*:\\s*['\"]([^'\"]*)['\"]");
  private static final Pattern FORTRAN =
      Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)\\b");
  private static final Pattern SHAPE =
      Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(([0-9L,\\s]*)\\)");

  private Npy() {}

  /** The element types that are read. */
  private enum Format {
    F4("<f4", 4),
    F2("<f2", 2),
    I4("<i4", 4),
    B1("|b1", 1);

    private final String descr;
    private final int bytes;

    Format(String descr, int bytes) {
      this.descr = descr;
      this.bytes = bytes;
    }

    Object allocate(int count) {
      return switch (this) {
        case F4, F2 -> new float[count];
        case I4 -> new int[count];
        case B1 -> new byte[count];
      };
    }

    void read(ByteBuffer from, NdArray to, int index) {
      switch (this) {
        case F4 -> to.floats()[index] = from.getFloat();
        case F2 -> to.floats()[index] = Float.float16ToFloat(from.getShort());
        case I4 -> to.ints()[index] = from.getInt();
        case B1 -> to.bools()[index] = (byte) (from.get() == 0 ? 0 : 1);
      }
    }
  }

  /** What the header says. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Header(Format format, int[] shape) {}

  /**
   * Reads an array: float32 and float16 as FLOAT, int32 as INT, bool as BOOL.
   *
   * @throws NpyException if the file is missing, malformed or of another type or order
   */
  public static NdArray read(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      Header header = header(file, channel);
      return data(file, channel, header);
    } catch (EOFException e) {
      throw new NpyException(file + " ends inside its header, so it is truncated", e);
    } catch (NoSuchFileException e) {
      throw new NpyException(file + " does not exist", e);
    } catch (IOException e) {
      throw new NpyException("cannot read %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static Header header(Path file, FileChannel channel) throws IOException {
    byte[] magic = new byte[MAGIC.length];
    if (channel.size() >= MAGIC.length) {
      fill(channel, MAGIC.length).get(magic);
    }
    if (!Arrays.equals(magic, MAGIC)) {
      throw new NpyException(
          file
              + " is not a .npy file: it does not begin with \\x93NUMPY; write it with numpy.save");
    }
    ByteBuffer version = fill(channel, 2);
    int major = version.get();
    if (major < 1 || major > 3) {
      throw new NpyException(
          "%s has .npy version %d.%d, expected 1 to 3".formatted(file, major, version.get()));
    }
    long length =
        major == 1
            ? Short.toUnsignedLong(fill(channel, 2).getShort())
            : Integer.toUnsignedLong(fill(channel, 4).getInt());
    if (length > MAX_HEADER_BYTES) {
      throw new NpyException(
          "%s has a header of %d bytes, expected at most %d"
              .formatted(file, length, MAX_HEADER_BYTES));
    }
    String text = StandardCharsets.UTF_8.decode(fill(channel, (int) length)).toString();
    return parse(file, text);
  }

  private static Header parse(Path file, String text) {
    Matcher descr = DESCR.matcher(text);
    Matcher fortran = FORTRAN.matcher(text);
    Matcher shape = SHAPE.matcher(text);
    if (text.contains("'descr': [")) {
      throw new NpyException(file + " holds records, expected numbers of one type");
    }
    if (!descr.find() || !fortran.find() || !shape.find()) {
      throw new NpyException(
          file + " has a malformed header, expected descr, fortran_order and shape");
    }
    Format format =
        Arrays.stream(Format.values())
            .filter(f -> f.descr.equals(descr.group(1)))
            .findFirst()
            .orElseThrow(() -> new NpyException(refusal(file, descr.group(1))));
    if (fortran.group(1).equals("True")) {
      throw new NpyException(
          file + " is in Fortran order, expected C order; save numpy.ascontiguousarray(a)");
    }
    int[] extents =
        Arrays.stream(shape.group(1).split(","))
            .map(s -> s.replace("L", "").strip())
            .filter(s -> !s.isEmpty())
            .mapToInt(s -> extent(file, s))
            .toArray();
    return new Header(format, extents);
  }

  private static int extent(Path file, String digits) {
    try {
      return Integer.parseInt(digits);
    } catch (NumberFormatException e) {
      throw new NpyException(
          "%s has an axis of extent %s, expected at most %d"
              .formatted(file, digits, Integer.MAX_VALUE),
          e);
    }
  }

  private static String refusal(Path file, String descr) {
    String expected = "expected float32, float16, int32 or bool";
    String kind = descr.replaceAll("^[<>|=]", "");
    return switch (kind) {
      case "f8" ->
          "%s is float64, %s; kernels compute in 16 and 32 bits: save a.astype(numpy.float32)"
              .formatted(file, expected);
      case "i8", "u8", "u4" ->
          "%s is %s, %s; save a.astype(numpy.int32)"
              .formatted(
                  file,
                  kind.equals("i8") ? "int64" : kind.equals("u8") ? "uint64" : "uint32",
                  expected);
      case "f4", "f2", "i4" ->
          "%s is big-endian, expected little-endian; save a.astype('<%s')".formatted(file, kind);
      default -> "%s has elements of type '%s', %s".formatted(file, descr, expected);
    };
  }

  private static NdArray data(Path file, FileChannel channel, Header header) throws IOException {
    String shape = Arrays.toString(header.shape());
    long count;
    try {
      count = NdArray.count(header.shape());
    } catch (ArithmeticException e) {
      count = Long.MAX_VALUE;
    }
    if (count > MAX_ELEMENTS) {
      throw new NpyException(
          "%s has shape %s, expected at most %d elements".formatted(file, shape, MAX_ELEMENTS));
    }
    long expected = count * header.format().bytes;
    long found = channel.size() - channel.position();
    if (found != expected) {
      throw new NpyException(
          "%s %s: shape %s needs %d bytes of data, found %d"
              .formatted(
                  file, found < expected ? "is truncated" : "is too long", shape, expected, found));
    }
    NdArray array = new NdArray(header.shape(), header.format().allocate((int) count));
    int perChunk = CHUNK_BYTES / header.format().bytes;
    for (int index = 0; index < count; ) {
      int elements = (int) Math.min(perChunk, count - index);
      ByteBuffer chunk = fill(channel, elements * header.format().bytes);
      for (int i = 0; i < elements; i++) {
        header.format().read(chunk, array, index++);
      }
    }
    return array;
  }

  private static ByteBuffer fill(FileChannel channel, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException();
      }
    }
    return buffer.flip();
  }

  /**
   * Writes an array as version 1.0: FLOAT as float32, INT as int32, BOOL as bool.
   *
   * @throws NpyException if the file cannot be written
   */
  public static void write(Path file, NdArray array) {
    Format format =
        switch (array.type()) {
          case FLOAT -> Format.F4;
          case INT -> Format.I4;
          case BOOL -> Format.B1;
        };
    String shape =
        Arrays.stream(array.shape())
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(", ", "(", array.shape().length == 1 ? ",)" : ")"));
    String dictionary =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }".formatted(format.descr, shape);
    int prefix = MAGIC.length + 2 + 2;
    int length = Math.ceilDiv(prefix + dictionary.length() + 1, 64) * 64 - prefix;
    ByteBuffer header = ByteBuffer.allocate(prefix + length).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) length);
    header.put(dictionary.getBytes(StandardCharsets.US_ASCII));
    while (header.remaining() > 1) {
      header.put((byte) ' ');
    }
    header.put((byte) '\n').flip();
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      drain(channel, header);
      int count = Math.toIntExact(NdArray.count(array.shape()));
      int perChunk = CHUNK_BYTES / format.bytes;
      ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      for (int index = 0; index < count; index += perChunk) {
        chunk.clear();
        ElementType.of(array.type()).encode(array, index, Math.min(perChunk, count - index), chunk);
        drain(channel, chunk.flip());
      }
    } catch (IOException e) {
      throw new NpyException(
          Files.isDirectory(file)
              ? "cannot write %s: it is a directory".formatted(file)
              : e instanceof NoSuchFileException
                  ? "cannot write %s: its directory does not exist".formatted(file)
                  : "cannot write %s: %s".formatted(file, e.getMessage()),
          e);
    }
  }

  private static void drain(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }
}
