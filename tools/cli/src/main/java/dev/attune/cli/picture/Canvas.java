package dev.attune.cli.picture;

/** What a picture is drawn on. Units are pixels from the top left. */
interface Canvas {

  /** Where a text is relative to its point. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  /** A filled rectangle; {@code rgb} as 0xRRGGBB. */
  void rectangle(double x, double y, double width, double height, int rgb);

  /** A line of text whose baseline starts, is centred or ends at a point. */
  void text(double x, double y, Anchor anchor, String text);

  /** The finished file. */
  byte[] bytes();
}
