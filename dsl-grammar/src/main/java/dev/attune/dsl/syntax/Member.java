package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Span;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What may stand inside an attention. */
public sealed interface Member
    permits Item.Const,
        Item.Let,
        Item.Def,
        Item.Broken,
        Member.Param,
        Member.Tensor,
        Member.Clause,
        Member.Outputs,
        Member.DtypeSetting,
        Member.HeadDimSetting,
        Member.Instances {

  /** The whole declaration. */
  Span span();

  /** {@code param p : int = 4096 where p >= 1}: a scalar given at launch. */
  record Param(
      Name name,
      TypeName type,
      Optional<Expression> defaultValue,
      Optional<Expression> condition,
      Span span)
      implements Member {}

  /** {@code tensor t : int[B, Skv] where nondecreasing differentiable}: a captured tensor. */
  record Tensor(
      Name name,
      TypeName type,
      List<Expression> shape,
      List<Fact> facts,
      boolean differentiable,
      Span span)
      implements Member {
    public Tensor {
      shape = List.copyOf(shape);
      facts = List.copyOf(facts);
    }
  }

  /** What is promised of a tensor's values. */
  sealed interface Fact {
    /** The words that state it. */
    Span span();

    /** Each row along the last dimension never decreases. */
    record Nondecreasing(Span span) implements Fact {}

    /** {@code in low..high}, both included. */
    record In(Expression low, Expression high, Span span) implements Fact {}
  }

  /** {@code score = …} and its like. */
  record Clause(Kind kind, Span keyword, Expression value, Span span) implements Member {
    /** Which clause. */
    public enum Kind {
      SCORE,
      MASK,
      SINK,
      WEIGHT;

      /** The clause's keyword. */
      public String keyword() {
        return name().toLowerCase(Locale.ROOT);
      }
    }
  }

  /** {@code output lse, max_score}. */
  record Outputs(List<Name> names, Span span) implements Member {
    public Outputs {
      names = List.copyOf(names);
    }
  }

  /** {@code dtype bf16}. */
  record DtypeSetting(Name name, Span span) implements Member {}

  /** {@code head_dim 192, 128}. */
  record HeadDimSetting(Widths widths, Span span) implements Member {}

  /** The widths of a query or key, and of a value where it is another. */
  record Widths(Expression qk, Optional<Expression> v) {}

  /** {@code instances { bf16 128; f16 64 }}. */
  record Instances(List<Instance> entries, Span span) implements Member {
    public Instances {
      entries = List.copyOf(entries);
    }
  }

  /** One entry of {@code instances}. */
  record Instance(Name dtype, Widths widths) {}
}
