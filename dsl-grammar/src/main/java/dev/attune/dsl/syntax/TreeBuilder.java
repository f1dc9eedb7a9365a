package dev.attune.dsl.syntax;

import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Member.Fact;
import dev.attune.dsl.syntax.generated.AttnLexer;
import dev.attune.dsl.syntax.generated.AttnParser;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.tree.ErrorNode;
import org.antlr.v4.runtime.tree.ParseTree;
import org.jspecify.annotations.Nullable;

/** Turns what the parser matched into the syntax tree's declarations. */
final class TreeBuilder {
  private final Tokens tokens;
  private final ExpressionBuilder expressions;

  TreeBuilder(Tokens tokens, List<Diagnostic> problems) {
    this.tokens = tokens;
    this.expressions = new ExpressionBuilder(tokens, problems);
  }

  Module module(AttnParser.ModuleContext ctx) {
    return new Module(tokens.source(), ctx.item().stream().map(this::item).toList());
  }

  private Item item(AttnParser.ItemContext ctx) {
    if (ctx.attention() != null && usable(ctx.attention().name())) {
      return attention(ctx.attention());
    }
    if (broken(ctx)) {
      return brokenDeclaration(ctx);
    }
    if (ctx.importItem() != null) {
      return new Item.Import(name(ctx.importItem().name()), span(ctx));
    }
    if (ctx.constant() != null) {
      return constant(ctx.constant());
    }
    if (ctx.let() != null) {
      return let(ctx.let());
    }
    return definition(ctx.definition());
  }

  private Item.Attention attention(AttnParser.AttentionContext ctx) {
    return new Item.Attention(
        name(ctx.name()), ctx.member().stream().map(this::member).toList(), span(ctx));
  }

  private Member member(AttnParser.MemberContext ctx) {
    if (broken(ctx)) {
      return brokenDeclaration(ctx);
    }
    if (ctx.param() != null) {
      return param(ctx.param());
    }
    if (ctx.tensor() != null) {
      return tensor(ctx.tensor());
    }
    if (ctx.constant() != null) {
      return constant(ctx.constant());
    }
    if (ctx.let() != null) {
      return let(ctx.let());
    }
    if (ctx.definition() != null) {
      return definition(ctx.definition());
    }
    if (ctx.clause() != null) {
      return clause(ctx.clause());
    }
    if (ctx.output() != null) {
      return new Member.Outputs(ctx.output().name().stream().map(this::name).toList(), span(ctx));
    }
    if (ctx.dtype() != null) {
      return new Member.DtypeSetting(name(ctx.dtype().name()), span(ctx));
    }
    if (ctx.headDim() != null) {
      return new Member.HeadDimSetting(widths(ctx.headDim().widths()), span(ctx));
    }
    return new Member.Instances(
        ctx.instances().instance().stream()
            .map(i -> new Member.Instance(name(i.name()), widths(i.widths())))
            .toList(),
        span(ctx));
  }

  private Item.Const constant(AttnParser.ConstantContext ctx) {
    return new Item.Const(
        name(ctx.name()),
        Optional.ofNullable(ctx.type()).map(this::type),
        expressions.build(ctx.expression()),
        span(ctx));
  }

  private Item.Let let(AttnParser.LetContext ctx) {
    return new Item.Let(name(ctx.name()), expressions.build(ctx.expression()), span(ctx));
  }

  private Item.Def definition(AttnParser.DefinitionContext ctx) {
    return new Item.Def(
        name(ctx.name()),
        ctx.formal().stream().map(f -> new Item.Formal(name(f.name()), type(f.type()))).toList(),
        Optional.ofNullable(ctx.type()).map(this::type),
        expressions.build(ctx.expression()),
        span(ctx));
  }

  private Member.Param param(AttnParser.ParamContext ctx) {
    Optional<Expression> defaultValue = Optional.empty();
    Optional<Expression> condition = Optional.empty();
    int next = 0;
    if (ctx.ASSIGN() != null) {
      defaultValue = Optional.of(expressions.build(ctx.expression(next++)));
    }
    if (ctx.WHERE() != null) {
      condition = Optional.of(expressions.build(ctx.expression(next)));
    }
    return new Member.Param(name(ctx.name()), type(ctx.type()), defaultValue, condition, span(ctx));
  }

  private Member.Tensor tensor(AttnParser.TensorContext ctx) {
    List<Fact> facts = new ArrayList<>();
    for (AttnParser.FactContext fact : ctx.fact()) {
      facts.add(
          fact.NONDECREASING() != null
              ? new Fact.Nondecreasing(span(fact))
              : new Fact.In(
                  expressions.build(fact.sum(0)), expressions.build(fact.sum(1)), span(fact)));
    }
    return new Member.Tensor(
        name(ctx.name()),
        type(ctx.type()),
        ctx.expression().stream().map(expressions::build).toList(),
        facts,
        ctx.DIFFERENTIABLE() != null,
        span(ctx));
  }

  private Member.Clause clause(AttnParser.ClauseContext ctx) {
    Member.Clause.Kind kind =
        switch (ctx.getStart().getType()) {
          case AttnLexer.SCORE -> Member.Clause.Kind.SCORE;
          case AttnLexer.MASK -> Member.Clause.Kind.MASK;
          case AttnLexer.SINK -> Member.Clause.Kind.SINK;
          default -> Member.Clause.Kind.WEIGHT;
        };
    return new Member.Clause(
        kind, tokens.span(ctx.getStart()), expressions.build(ctx.expression()), span(ctx));
  }

  private Member.Widths widths(AttnParser.WidthsContext ctx) {
    return new Member.Widths(
        expressions.build(ctx.sum(0)),
        ctx.sum().size() > 1 ? Optional.of(expressions.build(ctx.sum(1))) : Optional.empty());
  }

  private Item.Broken brokenDeclaration(ParserRuleContext ctx) {
    Optional<Name> declared = Optional.empty();
    ParseTree declaration = ctx.getChildCount() > 0 ? ctx.getChild(0) : ctx;
    for (int i = 0; i < declaration.getChildCount() && declared.isEmpty(); i++) {
      if (declaration.getChild(i) instanceof AttnParser.NameContext name && usable(name)) {
        declared = Optional.of(name(name));
      }
    }
    return new Item.Broken(declared, span(ctx));
  }

  private Name name(AttnParser.NameContext ctx) {
    return new Name(ctx.getText(), tokens.span(ctx.getStart()));
  }

  private TypeName type(AttnParser.TypeContext ctx) {
    TypeName.Kind kind =
        switch (ctx.getStart().getType()) {
          case AttnLexer.INT -> TypeName.Kind.INT;
          case AttnLexer.FLOAT -> TypeName.Kind.FLOAT;
          default -> TypeName.Kind.BOOL;
        };
    return new TypeName(kind, span(ctx));
  }

  private Span span(ParserRuleContext ctx) {
    Span start = tokens.span(ctx.getStart());
    Token stop = ctx.getStop();
    if (stop == null || stop.getTokenIndex() < ctx.getStart().getTokenIndex()) {
      return start;
    }
    return start.to(tokens.span(stop));
  }

  private static boolean usable(AttnParser.@Nullable NameContext name) {
    return name != null && name.IDENTIFIER() != null && !broken(name);
  }

  private static boolean broken(ParserRuleContext root) {
    Deque<ParseTree> open = new ArrayDeque<>();
    open.push(root);
    while (!open.isEmpty()) {
      ParseTree tree = open.pop();
      if (tree instanceof ErrorNode
          || (tree instanceof ParserRuleContext ctx && ctx.exception != null)) {
        return true;
      }
      for (int i = 0; i < tree.getChildCount(); i++) {
        open.push(tree.getChild(i));
      }
    }
    return root.getChildCount() == 0;
  }
}
