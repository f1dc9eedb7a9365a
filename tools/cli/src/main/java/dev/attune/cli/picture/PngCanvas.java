package dev.attune.cli.picture;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;

/**
 * A picture as PNG (ISO/IEC 15948): true colour, one compressed chunk, no filters. Written here
 * because the JDK's own imaging needs the fonts of a desktop.
 */
final class PngCanvas implements Canvas {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  private static final int INK = 0x303030;
  private static final int DOT = 2;

  private final int width;
  private final int height;
  private final int[] pixels;

  PngCanvas(int width, int height) {
    this.width = width;
    this.height = height;
    this.pixels = new int[width * height];
    Arrays.fill(pixels, 0xFFFFFF);
  }

  @Override
  public void rectangle(double x, double y, double w, double h, int rgb) {
    int left = Math.clamp(Math.round(x), 0, width);
    int right = Math.clamp(Math.max(Math.round(x + w), Math.round(x) + 1), left, width);
    int bottom = Math.clamp(Math.max(Math.round(y + h), Math.round(y) + 1), 0, height);
    for (int row = Math.clamp(Math.round(y), 0, height); row < bottom; row++) {
      Arrays.fill(pixels, row * width + left, row * width + right, rgb);
    }
  }

  @Override
  public void text(double x, double y, Anchor anchor, String line) {
    int advance = (Glyphs.WIDTH + 1) * DOT;
    int length = line.length() * advance - DOT;
    double left =
        switch (anchor) {
          case START -> x;
          case MIDDLE -> x - length / 2.0;
          case END -> x - length;
        };
    for (int i = 0; i < line.length(); i++) {
      for (int row = 0; row < Glyphs.HEIGHT; row++) {
        for (int column = 0; column < Glyphs.WIDTH; column++) {
          if (Glyphs.ink(line.charAt(i), row, column)) {
            double top = y - (Glyphs.HEIGHT - row) * DOT;
            rectangle(left + i * advance + column * DOT, top, DOT, DOT, INK);
          }
        }
      }
    }
  }

  @Override
  public byte[] bytes() {
    try {
      ByteArrayOutputStream file = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(file);
      out.write(SIGNATURE);
      ByteArrayOutputStream header = new ByteArrayOutputStream();
      DataOutputStream fields = new DataOutputStream(header);
      fields.writeInt(width);
      fields.writeInt(height);
      fields.write(new byte[] {8, 2, 0, 0, 0}); // 8 bits, true colour, nothing else
      chunk(out, "IHDR", header.toByteArray());
      chunk(out, "IDAT", compressed());
      chunk(out, "IEND", new byte[0]);
      return file.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] compressed() throws IOException {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    try (DeflaterOutputStream deflater = new DeflaterOutputStream(data)) {
      byte[] line = new byte[1 + 3 * width];
      for (int row = 0; row < height; row++) {
        for (int x = 0; x < width; x++) {
          int rgb = pixels[row * width + x];
          line[3 * x + 1] = (byte) (rgb >> 16);
          line[3 * x + 2] = (byte) (rgb >> 8);
          line[3 * x + 3] = (byte) rgb;
        }
        deflater.write(line);
      }
    }
    return data.toByteArray();
  }

  private static void chunk(DataOutputStream out, String type, byte[] data) throws IOException {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    out.writeInt(data.length);
    out.write(name);
    out.write(data);
    out.writeInt((int) crc.getValue());
  }
}
