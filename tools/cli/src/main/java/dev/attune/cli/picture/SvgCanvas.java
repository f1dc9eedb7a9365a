package dev.attune.cli.picture;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A picture as SVG. */
final class SvgCanvas implements Canvas {
  private final StringBuilder text = new StringBuilder();

  SvgCanvas(int width, int height) {
    text.append(
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" \
        font-family="sans-serif" font-size="12" shape-rendering="crispEdges">
        """
            .formatted(width, height));
    rectangle(0, 0, width, height, 0xFFFFFF);
  }

  @Override
  public void rectangle(double x, double y, double width, double height, int rgb) {
    text.append(
        "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"#%06x\"/>%n"
            .formatted(number(x), number(y), number(width), number(height), rgb)
            .replace(System.lineSeparator(), "\n"));
  }

  @Override
  public void text(double x, double y, Anchor anchor, String line) {
    text.append("<text x=\"")
        .append(number(x))
        .append("\" y=\"")
        .append(number(y))
        .append("\" text-anchor=\"")
        .append(anchor.name().toLowerCase(Locale.ROOT))
        .append("\">")
        .append(line.replace("&", "&amp;").replace("<", "&lt;"))
        .append("</text>\n");
  }

  private static String number(double x) {
    return BigDecimal.valueOf(x)
        .setScale(2, RoundingMode.HALF_EVEN)
        .stripTrailingZeros()
        .toPlainString();
  }

  @Override
  public byte[] bytes() {
    return (text + "</svg>\n").getBytes(StandardCharsets.UTF_8);
  }
}
