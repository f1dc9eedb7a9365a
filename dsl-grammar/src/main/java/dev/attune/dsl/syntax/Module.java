package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Source;
import java.util.List;

/** One file: its declarations in the order of the text. */
public record Module(Source source, List<Item> items) {
  public Module {
    items = List.copyOf(items);
  }
}
