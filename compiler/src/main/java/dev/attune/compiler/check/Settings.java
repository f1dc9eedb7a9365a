package dev.attune.compiler.check;

import dev.attune.compiler.spec.AttentionSpec.Instance;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Expr.IntConst;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.dsl.diagnostic.Code;
import dev.attune.dsl.diagnostic.Diagnostic;
import dev.attune.dsl.diagnostic.Help;
import dev.attune.dsl.diagnostic.Nearest;
import dev.attune.dsl.diagnostic.Span;
import dev.attune.dsl.syntax.Expression;
import dev.attune.dsl.syntax.Member;
import dev.attune.dsl.syntax.Name;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What an attention says beside its formula: outputs, dtype, head_dim, instances. */
final class Settings {
  /** Head dims are multiples of this. */
  static final int HEAD_DIM_STEP = 8;

  /** The widest head. */
  static final int HEAD_DIM_MAX = 256;

  private final Problems problems;
  private final Elaborator elaborator;
  private final Scope scope;
  private final Set<Output> outputs = EnumSet.noneOf(Output.class);
  private final List<Instance> instances = new ArrayList<>();
  private @Nullable Span outputAt;
  private @Nullable Span dtypeAt;
  private @Nullable Span headDimAt;
  private Optional<Dtype> dtype = Optional.empty();
  private Optional<HeadDim> headDim = Optional.empty();

  Settings(Problems problems, Elaborator elaborator, Scope scope) {
    this.problems = problems;
    this.elaborator = elaborator;
    this.scope = scope;
  }

  void outputs(Member.Outputs declared) {
    for (Name name : declared.names()) {
      if (outputAt == null) {
        outputAt = name.span();
      }
      Optional<Output> found =
          Arrays.stream(Output.values()).filter(o -> word(o).equals(name.text())).findFirst();
      if (found.isEmpty()) {
        problems.add(
            suggest(
                Diagnostic.at(
                    name.span(),
                    Code.UNKNOWN_OUTPUT,
                    "unknown output '%s', the outputs are lse and max_score"
                        .formatted(name.text())),
                name,
                Arrays.stream(Output.values()).map(Settings::word).toList()));
      } else if (!outputs.add(found.get())) {
        problems.add(
            Diagnostic.at(
                name.span(),
                Code.DUPLICATE_CLAUSE,
                "the output %s is given twice".formatted(name.text())));
      }
    }
  }

  /** Where the first output is asked for. */
  Optional<Span> firstOutput() {
    return Optional.ofNullable(outputAt);
  }

  /** The outputs of a spec: LSE is always among those of a softmax. */
  Set<Output> outputs(boolean weight) {
    Set<Output> all = EnumSet.noneOf(Output.class);
    all.addAll(outputs);
    if (!weight) {
      all.add(Output.LSE);
    }
    return all;
  }

  void dtype(Member.DtypeSetting setting) {
    if (repeated("dtype", dtypeAt, setting.span())) {
      return;
    }
    dtypeAt = setting.span();
    dtype = dtype(setting.name());
  }

  Optional<Dtype> dtype() {
    return dtype;
  }

  void headDim(Member.HeadDimSetting setting) {
    if (repeated("head_dim", headDimAt, setting.span())) {
      return;
    }
    headDimAt = setting.span();
    headDim = widths(setting.widths());
  }

  Optional<HeadDim> headDim() {
    return headDim;
  }

  void instances(Member.Instances declared) {
    for (Member.Instance entry : declared.entries()) {
      Optional<Dtype> type = dtype(entry.dtype());
      Optional<HeadDim> widths = widths(entry.widths());
      if (type.isEmpty() || widths.isEmpty()) {
        continue;
      }
      Instance instance = new Instance(type.get(), widths.get());
      if (instances.contains(instance)) {
        problems.add(
            Diagnostic.at(
                entry.dtype().span(),
                Code.DUPLICATE_CLAUSE,
                "the instance %s %s is given twice".formatted(type.get().keyword(), widths.get())));
      } else {
        instances.add(instance);
      }
    }
  }

  List<Instance> instances() {
    return instances;
  }

  private boolean repeated(String what, @Nullable Span first, Span again) {
    if (first == null) {
      return false;
    }
    problems.add(
        Diagnostic.at(again, Code.DUPLICATE_CLAUSE, "%s is given twice".formatted(what))
            .also(first, "first given here")
            .help("keep one of them; instances { ... } lists several"));
    return true;
  }

  private Optional<Dtype> dtype(Name name) {
    Optional<Dtype> found =
        Arrays.stream(Dtype.values()).filter(d -> d.keyword().equals(name.text())).findFirst();
    if (found.isEmpty()) {
      problems.add(
          suggest(
              Diagnostic.at(
                  name.span(),
                  Code.UNKNOWN_DTYPE,
                  "unknown dtype '%s', the dtypes are bf16 and f16".formatted(name.text())),
              name,
              Arrays.stream(Dtype.values()).map(Dtype::keyword).toList()));
    }
    return found;
  }

  private Optional<HeadDim> widths(Member.Widths widths) {
    Optional<Integer> qk = width(widths.qk());
    Optional<Integer> v = widths.v().isPresent() ? width(widths.v().get()) : qk;
    return qk.flatMap(a -> v.map(b -> new HeadDim(a, b)));
  }

  private Optional<Integer> width(Expression e) {
    Optional<Expr> value =
        elaborator.elaborate(e, ScalarType.INT, Env.of(scope, Place.CONSTANT), "a head dim");
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (value.get() instanceof IntConst(long width)
        && width >= HEAD_DIM_STEP
        && width <= HEAD_DIM_MAX
        && width % HEAD_DIM_STEP == 0) {
      return Optional.of((int) width);
    }
    problems.add(
        Diagnostic.at(
            e.span(),
            Code.BAD_HEAD_DIM,
            "a head dim is a multiple of %d from %d to %d, found %s"
                .formatted(
                    HEAD_DIM_STEP,
                    HEAD_DIM_STEP,
                    HEAD_DIM_MAX,
                    value.get() instanceof IntConst(long found) ? found : e.span().text())));
    return Optional.empty();
  }

  private static Diagnostic suggest(Diagnostic problem, Name name, List<String> candidates) {
    return Nearest.to(name.text(), candidates)
        .map(n -> problem.help(Help.edit("did you mean '%s'?".formatted(n), name.span(), n)))
        .orElse(problem);
  }

  private static String word(Output output) {
    return output.name().toLowerCase(Locale.ROOT);
  }
}
