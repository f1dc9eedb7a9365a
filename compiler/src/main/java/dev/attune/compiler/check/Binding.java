package dev.attune.compiler.check;

import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Item;
import java.util.Optional;

/** What a name stands for. */
sealed interface Binding {
  /** Where the user declared it; nothing for what the language has. */
  Optional<Span> declared();

  /** A position, a size, {@code score} or {@code scale}. */
  record Given(Expr expr) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.empty();
    }
  }

  /** A value known at compile time: an int, float or bool constant. */
  record Constant(Expr value, Span at) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(at);
    }
  }

  /** A named expression, and the scope its text sees. */
  record Let(Item.Let syntax, Scope scope) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(syntax.name().span());
    }
  }

  /** A run-time scalar. */
  record Param(ParamDecl decl, Span at) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(at);
    }
  }

  /** A captured tensor. */
  record Tensor(TensorDecl decl, Span at) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(at);
    }
  }

  /** A function of the language. */
  record Primitive(Builtin builtin) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.empty();
    }
  }

  /** A function in the language's own text, and the scope its text sees. */
  record Def(Item.Def syntax, Scope scope) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(syntax.name().span());
    }
  }

  /** A declaration with an error, already reported: its uses are not. */
  record Failed(Span at) implements Binding {
    @Override
    public Optional<Span> declared() {
      return Optional.of(at);
    }
  }
}
