package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Span;
import java.util.List;
import java.util.Optional;

/** What may stand at the top of a file. */
public sealed interface Item {
  /** The whole declaration. */
  Span span();

  /** {@code import masks}: the declarations of a library file. */
  record Import(Name name, Span span) implements Item {}

  /** {@code const N = 128}: a value known at compile time. */
  record Const(Name name, Optional<TypeName> type, Expression value, Span span)
      implements Item, Member {}

  /** {@code let d = q - kv}: a name for an expression. */
  record Let(Name name, Expression value, Span span) implements Item, Member {}

  /** {@code def f(x: float): float = …}: a function. */
  record Def(Name name, List<Formal> formals, Optional<TypeName> result, Expression body, Span span)
      implements Item, Member {
    public Def {
      formals = List.copyOf(formals);
    }
  }

  /** A parameter of a function. */
  record Formal(Name name, TypeName type) {}

  /** {@code attention name { … }}. */
  record Attention(Name name, List<Member> members, Span span) implements Item {
    public Attention {
      members = List.copyOf(members);
    }
  }

  /**
   * A declaration with a syntax error in it, already reported.
   *
   * @param name what it would have declared, so that its uses are not reported as unknown
   */
  record Broken(Optional<Name> name, Span span) implements Item, Member {}
}
