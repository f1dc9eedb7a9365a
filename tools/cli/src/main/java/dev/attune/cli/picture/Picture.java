package dev.attune.cli.picture;

import dev.attune.compiler.analysis.TileClass;
import java.util.Locale;

/**
 * A picture of a {@link TileMap}: queries down, keys across. Where there are more tiles than cells
 * can be told apart, a cell is several tiles and has the mean of their colours.
 */
public final class Picture {
  private static final int SIDE = 640;
  private static final int MOST_CELLS = 320;
  private static final int LEFT = 84;
  private static final int TOP = 66;
  private static final int RIGHT = 40;
  private static final int BOTTOM = 50;
  private static final int LINE = 0x606060;

  private final TileMap map;
  private final String title;
  private final Canvas canvas;
  private final double width;
  private final double height;

  private Picture(TileMap map, String title, boolean svg) {
    int longest = Math.max(1, Math.max(map.seq(), map.kvSeq()));
    this.map = map;
    this.title = title;
    this.width = Math.max(120, (double) SIDE * map.kvSeq() / longest);
    this.height = Math.max(20, (double) SIDE * map.seq() / longest);
    int pixelsX = (int) Math.ceil(LEFT + Math.max(width, SIDE) + RIGHT);
    int pixelsY = (int) Math.ceil(TOP + height + BOTTOM);
    this.canvas = svg ? new SvgCanvas(pixelsX, pixelsY) : new PngCanvas(pixelsX, pixelsY);
  }

  /** The bytes of an SVG file. */
  public static byte[] svg(TileMap map, String title) {
    return new Picture(map, title, true).draw();
  }

  /** The bytes of a PNG file. */
  public static byte[] png(TileMap map, String title) {
    return new Picture(map, title, false).draw();
  }

  private byte[] draw() {
    canvas.rectangle(LEFT - 1, TOP - 1, width + 2, height + 2, LINE);
    cells();
    canvas.text(LEFT, 20, Canvas.Anchor.START, title);
    canvas.text(LEFT + width / 2, TOP - 26, Canvas.Anchor.MIDDLE, "kv");
    canvas.text(14, TOP + height / 2 + 4, Canvas.Anchor.MIDDLE, "q");
    for (int i = 0; i <= 4; i++) {
      double x = LEFT + width * i / 4;
      double y = TOP + height * i / 4;
      canvas.rectangle(x - 0.5, TOP - 6, 1, 5, LINE);
      canvas.rectangle(LEFT - 6, y - 0.5, 5, 1, LINE);
      canvas.text(x, TOP - 9, Canvas.Anchor.MIDDLE, Long.toString((long) map.kvSeq() * i / 4));
      canvas.text(LEFT - 9, y + 4, Canvas.Anchor.END, Long.toString((long) map.seq() * i / 4));
    }
    double x = LEFT;
    for (TileClass c : new TileClass[] {TileClass.FULL, TileClass.PARTIAL, TileClass.EMPTY}) {
      canvas.rectangle(x, TOP + height + 20, 12, 12, LINE);
      canvas.rectangle(x + 1, TOP + height + 21, 10, 10, colour(c));
      String share =
          String.format(
              Locale.ROOT,
              "%s %.1f %%",
              name(c),
              100.0 * map.count(c) / Math.max(1, map.classes().size()));
      canvas.text(x + 18, TOP + height + 31, Canvas.Anchor.START, share);
      x += 170;
    }
    return canvas.bytes();
  }

  /** Cells of one colour side by side are one rectangle. */
  private void cells() {
    int tall = Math.ceilDiv(Math.max(1, map.down()), MOST_CELLS);
    int wide = Math.ceilDiv(Math.max(1, map.across()), MOST_CELLS);
    for (int row = 0; row < map.down(); row += tall) {
      double top = y(row);
      double bottom = y(row + tall);
      int from = 0;
      int rgb = mean(row, tall, 0, wide);
      for (int column = wide; column < map.across() + wide; column += wide) {
        int next = column < map.across() ? mean(row, tall, column, wide) : -1;
        if (next != rgb) {
          canvas.rectangle(x(from), top, x(column) - x(from), bottom - top, rgb);
          from = column;
          rgb = next;
        }
      }
    }
  }

  private double x(int column) {
    return LEFT + width * Math.min(map.kvSeq(), (long) column * map.cols()) / map.kvSeq();
  }

  private double y(int row) {
    return TOP + height * Math.min(map.seq(), (long) row * map.rows()) / map.seq();
  }

  private int mean(int row, int tall, int column, int wide) {
    int red = 0;
    int green = 0;
    int blue = 0;
    int count = 0;
    for (int i = row; i < Math.min(row + tall, map.down()); i++) {
      for (int j = column; j < Math.min(column + wide, map.across()); j++) {
        int rgb = colour(map.at(i, j));
        red += rgb >> 16;
        green += (rgb >> 8) & 0xFF;
        blue += rgb & 0xFF;
        count++;
      }
    }
    return ((red / count) << 16) | ((green / count) << 8) | (blue / count);
  }

  private static int colour(TileClass c) {
    return switch (c) {
      case FULL -> 0x2B6CB0;
      case PARTIAL -> 0xF2A93B;
      case EMPTY -> 0xF4F4F4;
    };
  }

  private static String name(TileClass c) {
    return switch (c) {
      case FULL -> "full";
      case PARTIAL -> "partial";
      case EMPTY -> "skipped";
    };
  }
}
