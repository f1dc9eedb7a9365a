package dev.attune.compiler.check;

import dev.attune.dsl.diagnostic.Source;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.ParseResult;
import dev.attune.dsl.syntax.Parser;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;

/** The declarations that are in scope in every file: text in the language, among the resources. */
public final class StandardLibrary {
  private static final Source SOURCE = read();
  private static final Scope SCOPE = declare();

  private StandardLibrary() {}

  /** Its text, for the curious user. */
  public static Source source() {
    return SOURCE;
  }

  /** The language's own names and the library's. */
  static Scope scope() {
    return SCOPE;
  }

  /** Whether this is one of the library's own softcaps. */
  static boolean isSoftcap(Item.Def def) {
    return def.span().source() == SOURCE && def.name().text().endsWith("softcap");
  }

  private static Source read() {
    try (InputStream in = StandardLibrary.class.getResourceAsStream("std.attn")) {
      return Source.decode(
          "<standard library>", Objects.requireNonNull(in, "std.attn").readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Scope declare() {
    ParseResult parsed = Parser.parse(SOURCE);
    if (!parsed.diagnostics().isEmpty()) {
      throw new IllegalStateException(parsed.diagnostics().toString());
    }
    Scope scope = Scope.language().inner();
    for (Item item : parsed.module().items()) {
      switch (item) {
        case Item.Let let -> scope.putValue(let.name().text(), new Binding.Let(let, scope));
        case Item.Def def -> scope.putFunction(def.name().text(), new Binding.Def(def, scope));
        case Item.Const c -> throw new IllegalStateException(c.toString());
        case Item.Import i -> throw new IllegalStateException(i.toString());
        case Item.Attention a -> throw new IllegalStateException(a.toString());
        case Item.Broken b -> throw new IllegalStateException(b.toString());
      }
    }
    return scope;
  }
}
