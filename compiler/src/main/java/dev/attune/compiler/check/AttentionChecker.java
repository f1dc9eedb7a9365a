package dev.attune.compiler.check;

import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.BinaryOp;
import dev.attune.compiler.spec.Clause;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Origin;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.syntax.Item;
import dev.attune.dsl.syntax.Member;
import dev.attune.dsl.syntax.Member.Clause.Kind;
import dev.attune.dsl.syntax.Name;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Checks one attention. */
final class AttentionChecker {
  private final Problems problems;
  private final Item.Attention attention;
  private final Scope scope;
  private final Ranges ranges = new Ranges();
  private final Elaborator elaborator;
  private final Declarations declarations;
  private final Settings settings;
  private final Map<Kind, Member.Clause> clauses = new EnumMap<>(Kind.class);
  private final Map<Kind, Expr> meanings = new EnumMap<>(Kind.class);
  private final List<ParamDecl> params = new ArrayList<>();
  private final List<TensorDecl> tensors = new ArrayList<>();

  AttentionChecker(Problems problems, Scope file, Item.Attention attention) {
    this.problems = problems;
    this.attention = attention;
    this.scope = file.inner();
    this.elaborator = new Elaborator(problems, ranges);
    this.declarations = new Declarations(problems, elaborator);
    this.settings = new Settings(problems, elaborator, scope);
  }

  /** The meaning, or empty where there is an error. */
  Optional<AttentionSpec> check() {
    int before = problems.errors();
    attention.members().forEach(this::declare);
    declarations.check(scope);
    conflicts();
    for (Map.Entry<Kind, Member.Clause> clause : clauses.entrySet()) {
      meaning(clause.getKey(), clause.getValue());
    }
    if (problems.errors() > before) {
      return Optional.empty();
    }
    AttentionSpec spec = spec();
    new Usefulness(problems, elaborator, attention, scope).check(spec, clauses);
    return problems.errors() > before ? Optional.empty() : Optional.of(spec);
  }

  private void declare(Member member) {
    switch (member) {
      case Item.Const c -> declarations.constant(scope, c);
      case Item.Let let -> declarations.let(scope, let);
      case Item.Def def -> declarations.def(scope, def);
      case Item.Broken broken -> declarations.broken(scope, broken);
      case Member.Param param -> param(param);
      case Member.Tensor tensor -> tensor(tensor);
      case Member.Clause clause -> {
        Member.Clause first = clauses.putIfAbsent(clause.kind(), clause);
        if (first != null) {
          problems.add(
              Diagnostic.at(
                      clause.keyword(),
                      Code.DUPLICATE_CLAUSE,
                      "%s is given twice".formatted(clause.kind().keyword()))
                  .also(first.keyword(), "first given here")
                  .help(
                      clause.kind() == Kind.MASK
                          ? "combine the conditions with and, or"
                          : "keep one of them"));
        }
      }
      case Member.Outputs outputs -> settings.outputs(outputs);
      case Member.DtypeSetting setting -> settings.dtype(setting);
      case Member.HeadDimSetting setting -> settings.headDim(setting);
      case Member.Instances instances -> settings.instances(instances);
    }
  }

  private void param(Member.Param param) {
    Optional<ParamDecl> decl = new ParamChecker(problems, elaborator).check(param, scope);
    Name name = param.name();
    boolean fresh =
        declarations.value(
            scope,
            name,
            decl.<Binding>map(d -> new Binding.Param(d, name.span()))
                .orElseGet(() -> new Binding.Failed(name.span())));
    if (fresh && decl.isPresent()) {
      params.add(decl.get());
      ranges.param(decl.get().name(), decl.get().range());
    }
  }

  private void tensor(Member.Tensor tensor) {
    Optional<TensorDecl> decl =
        new TensorChecker(problems, elaborator, ranges).check(tensor, scope);
    Name name = tensor.name();
    boolean fresh =
        declarations.value(
            scope,
            name,
            decl.<Binding>map(d -> new Binding.Tensor(d, name.span()))
                .orElseGet(() -> new Binding.Failed(name.span())));
    if (fresh && decl.isPresent()) {
      tensors.add(decl.get());
      decl.get().range().ifPresent(r -> ranges.tensor(name.text(), r));
    }
  }

  private void conflicts() {
    Member.Clause weight = clauses.get(Kind.WEIGHT);
    if (weight == null) {
      return;
    }
    conflict(weight, clauses.get(Kind.SCORE), "weight replaces the softmax and its score");
    conflict(
        weight, clauses.get(Kind.SINK), "weight replaces the softmax, which a sink belongs to");
    settings
        .firstOutput()
        .ifPresent(
            at ->
                problems.add(
                    Diagnostic.at(
                            at,
                            Code.CONFLICTING_CLAUSES,
                            "without a softmax there is no such output")
                        .also(weight.keyword(), "weight replaces the softmax")));
  }

  private void conflict(Member.Clause weight, Member.@Nullable Clause other, String why) {
    if (other != null) {
      problems.add(
          Diagnostic.at(
                  other.keyword(),
                  Code.CONFLICTING_CLAUSES,
                  "%s has no effect beside weight".formatted(other.kind().keyword()))
              .also(weight.keyword(), why)
              .help("keep one of the two; weight may use score, the raw product"));
    }
  }

  private void meaning(Kind kind, Member.Clause clause) {
    Place place =
        switch (kind) {
          case SCORE -> Place.SCORE;
          case MASK -> Place.MASK;
          case SINK -> Place.SINK;
          case WEIGHT -> Place.WEIGHT;
        };
    ScalarType type = kind == Kind.MASK ? ScalarType.BOOL : ScalarType.FLOAT;
    Env env = Env.of(scope, place);
    if (kind == Kind.MASK) {
      new MaskChecker(problems, elaborator, ranges)
          .check(clause.value(), env)
          .ifPresent(e -> meanings.put(kind, e));
      return;
    }
    elaborator
        .elaborate(clause.value(), type, env, kind.keyword())
        .ifPresent(e -> meanings.put(kind, e));
  }

  private AttentionSpec spec() {
    Expr score = new Expr.Binary(BinaryOp.MUL, new Expr.Score(), new Expr.Scale());
    Optional<Clause> weight = clause(Kind.WEIGHT);
    return new AttentionSpec(
        attention.name().text(),
        Origins.of(attention.name().span()),
        params,
        tensors,
        clause(Kind.SCORE).orElse(new Clause(score, unsaid())),
        clause(Kind.MASK).orElse(new Clause(new Expr.BoolConst(true), unsaid())),
        weight
            .<Normalization>map(Normalization.Weight::new)
            .orElseGet(() -> new Normalization.Softmax(clause(Kind.SINK))),
        settings.outputs(weight.isPresent()),
        settings.dtype(),
        settings.headDim(),
        settings.instances());
  }

  private Optional<Clause> clause(Kind kind) {
    return Optional.ofNullable(clauses.get(kind))
        .map(c -> new Clause(Objects.requireNonNull(meanings.get(kind)), Origins.of(c.keyword())));
  }

  private Origin unsaid() {
    return new Origin(attention.span().source().name(), 0);
  }
}
