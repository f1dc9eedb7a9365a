package dev.attune.compiler.check;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The blocks of a Markdown page that are in the language. */
final class Examples {
  private static final Pattern BLOCK =
      Pattern.compile("^```attn( error)?\\R(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);

  private Examples() {}

  /**
   * One block.
   *
   * @param wrong whether it shows a mistake
   */
  record Example(String text, boolean wrong) {}

  static List<Example> of(String markdown) {
    List<Example> found = new ArrayList<>();
    Matcher m = BLOCK.matcher(markdown);
    while (m.find()) {
      found.add(new Example(m.group(2), m.group(1) != null));
    }
    return found;
  }
}
