package dev.attune.cli.generate;

import com.palantir.javapoet.AnnotationSpec;
import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Normalization;
import dev.attune.compiler.spec.Output;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.TensorDecl;
import dev.attune.runtime.Arguments;
import dev.attune.runtime.Attention;
import dev.attune.runtime.Device;
import dev.attune.runtime.DeviceException;
import dev.attune.runtime.Explanation;
import dev.attune.runtime.Generated;
import dev.attune.runtime.LaunchException;
import dev.attune.runtime.PrebuiltResources;
import dev.attune.runtime.Sequences;
import dev.attune.runtime.Stream;
import dev.attune.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import javax.lang.model.element.Modifier;
import org.jspecify.annotations.NullMarked;

/**
 * The Java source of a launcher: a class for one attention in which whatever a launch needs is a
 * parameter of {@code on}, and whatever it may have is a method of the call that this returns.
 */
final class Launchers {
  /** What a call offers besides the spec's params, and what every class has. */
  private static final Set<String> CALL_METHODS =
      Set.of(
          "launch",
          "prepare",
          "explain",
          "scale",
          "sequences",
          "arguments",
          "getClass",
          "notify",
          "notifyAll",
          "wait",
          "hashCode",
          "equals",
          "toString",
          "clone",
          "finalize");

  private static final Set<String> ON_PARAMETERS = Set.of("q", "k", "v", "o", "lse", "maxScore");

  private static final ClassName LAUNCH_EXCEPTION = ClassName.get(LaunchException.class);
  private static final ClassName DEVICE_EXCEPTION = ClassName.get(DeviceException.class);

  private final AttentionSpec spec;
  private final Comments comments;
  private final ClassName name;
  private final ClassName call;

  private Launchers(String packageName, AttentionSpec spec, String text) {
    this.spec = spec;
    this.comments = new Comments(text);
    this.name = ClassName.get(packageName, Names.type(spec.name()));
    this.call = name.nestedClass(name.simpleName().equals("Call") ? "Launch" : "Call");
  }

  /**
   * The source of a launcher.
   *
   * @param file the spec's file as the annotation names it
   * @param text of the file
   */
  static String source(
      String packageName, AttentionSpec spec, String file, String text, String sha256) {
    Launchers launcher = new Launchers(packageName, spec, text);
    return Layout.format(
        JavaFile.builder(packageName, launcher.type(file, sha256))
            .skipJavaLangImports(true)
            .indent("  ")
            .build()
            .toString());
  }

  private TypeSpec type(String file, String sha256) {
    FieldSpec kernels =
        FieldSpec.builder(
                PrebuiltResources.class,
                "KERNELS",
                Modifier.PRIVATE,
                Modifier.STATIC,
                Modifier.FINAL)
            .initializer("new $T($T.class, $S)", PrebuiltResources.class, name, spec.name())
            .build();
    return TypeSpec.classBuilder(name)
        .addJavadoc("$L\n", typeDoc())
        .addAnnotation(NullMarked.class)
        .addAnnotation(
            AnnotationSpec.builder(Generated.class)
                .addMember("spec", "$S", file)
                .addMember("sha256", "$S", sha256)
                .build())
        .addModifiers(Modifier.PUBLIC, Modifier.FINAL)
        .addSuperinterface(AutoCloseable.class)
        .addField(kernels)
        .addField(Attention.class, "attention", Modifier.PRIVATE, Modifier.FINAL)
        .addMethod(
            MethodSpec.constructorBuilder()
                .addModifiers(Modifier.PRIVATE)
                .addParameter(Attention.class, "attention")
                .addStatement("this.attention = attention")
                .build())
        .addMethod(
            MethodSpec.methodBuilder("load")
                .addJavadoc(
                    "The attention on a device. Kernels are loaded when launches first need"
                        + " them.\n")
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                .returns(name)
                .addParameter(Device.class, "device")
                .addStatement("return new $T(KERNELS.load(device))", name)
                .build())
        .addMethod(on())
        .addMethod(
            MethodSpec.methodBuilder("attention")
                .addJavadoc("What launches go through: for kernels that are made ahead of them.\n")
                .addModifiers(Modifier.PUBLIC)
                .returns(Attention.class)
                .addStatement("return attention")
                .build())
        .addMethod(
            MethodSpec.methodBuilder("close")
                .addJavadoc("Closes the kernels, once no launch needs them.\n")
                .addAnnotation(Override.class)
                .addModifiers(Modifier.PUBLIC)
                .addStatement("attention.close()")
                .build())
        .addType(call())
        .build();
  }

  private String typeDoc() {
    StringBuilder doc = new StringBuilder(comments.header());
    if (doc.isEmpty()) {
      doc.append("The attention ").append(spec.name()).append('.');
    }
    List<String> lines = new ArrayList<>();
    lines.add("score = " + Exprs.print(spec.score().expr()));
    lines.add("mask = " + Exprs.print(spec.mask().expr()));
    switch (spec.normalization()) {
      case Normalization.Softmax softmax ->
          softmax.sink().ifPresent(s -> lines.add("sink = " + Exprs.print(s.expr())));
      case Normalization.Weight weight -> {
        lines.removeFirst();
        lines.addFirst("weight = " + Exprs.print(weight.weight().expr()));
      }
    }
    doc.append("\n\n<p>What is computed, with every definition expanded:\n\n<pre>\n");
    lines.forEach(line -> doc.append("  ").append(Comments.escape(line)).append('\n'));
    doc.append("</pre>\n\n<p>Tensors are ")
        .append(spec.dtype().map(d -> d.keyword()).orElse("bf16 or f16"))
        .append(spec.headDim().map(d -> ", of head dim " + d).orElse(""))
        .append(". An instance may be used from several threads.");
    return doc.toString();
  }

  private MethodSpec on() {
    MethodSpec.Builder on =
        MethodSpec.methodBuilder("on")
            .addJavadoc("A call with the tensors that every launch needs.\n\n")
            .addModifiers(Modifier.PUBLIC)
            .returns(call);
    CodeBlock.Builder arguments = CodeBlock.builder().add("$T.of(q, k, v, o)", Arguments.class);
    tensor(on, "q", "[B, Sq, Hq, Dqk]");
    tensor(on, "k", "[B, Skv, Hkv, Dqk]");
    tensor(on, "v", "[B, Skv, Hkv, Dv]");
    tensor(on, "o", "[B, Sq, Hq, Dv], written");
    if (spec.normalization() instanceof Normalization.Softmax) {
      tensor(on, "lse", "[B, Hq, Sq] float32, written: the natural logarithm of each row's sum");
      arguments.add(".lse(lse)");
    }
    if (spec.outputs().contains(Output.MAX_SCORE)) {
      tensor(on, "maxScore", "[B, Hq, Sq] float32, written: the largest score of each row");
      arguments.add(".maxScore(maxScore)");
    }
    Map<String, String> names =
        Names.members(spec.tensors().stream().map(TensorDecl::name).toList(), ON_PARAMETERS);
    for (TensorDecl t : spec.tensors()) {
      String parameter = names.getOrDefault(t.name(), t.name());
      tensor(on, parameter, describe(t));
      arguments.add(".tensor($S, $L)", t.name(), parameter);
    }
    return on.addJavadoc("@throws $T if one of them is null\n", LAUNCH_EXCEPTION)
        .addStatement("return new $T(attention, $L)", call, arguments.build())
        .build();
  }

  private static void tensor(MethodSpec.Builder on, String parameter, String description) {
    on.addParameter(Tensor.class, parameter);
    on.addJavadoc("@param $L $L\n", parameter, description);
  }

  private String describe(TensorDecl t) {
    String type =
        switch (t.type()) {
          case INT -> "int32";
          case FLOAT -> "float32";
          case BOOL -> "bool, a byte each";
        };
    String shape = t.shape().stream().map(Exprs::print).collect(Collectors.joining(", ", "[", "]"));
    return Comments.escape(shape)
        + " "
        + type
        + (t.nondecreasing() ? ", never decreasing along the last dimension" : "")
        + t.range()
            .map(r -> ", from %s to %s".formatted(number(r.low()), number(r.high())))
            .orElse("")
        + sentence(comments.of(t.origin()));
  }

  private static String sentence(String comment) {
    return comment.isEmpty() ? "" : ": " + comment;
  }

  private TypeSpec call() {
    TypeSpec.Builder type =
        TypeSpec.classBuilder(call)
            .addJavadoc("A launch to be: every method gives another with one thing more said.\n")
            .addModifiers(Modifier.PUBLIC, Modifier.STATIC, Modifier.FINAL)
            .addField(Attention.class, "attention", Modifier.PRIVATE, Modifier.FINAL)
            .addField(Arguments.class, "arguments", Modifier.PRIVATE, Modifier.FINAL)
            .addMethod(
                MethodSpec.constructorBuilder()
                    .addModifiers(Modifier.PRIVATE)
                    .addParameter(Attention.class, "attention")
                    .addParameter(Arguments.class, "arguments")
                    .addStatement("this.attention = attention")
                    .addStatement("this.arguments = arguments")
                    .build());
    Map<String, String> names =
        Names.members(spec.params().stream().map(ParamDecl::name).toList(), CALL_METHODS);
    for (ParamDecl p : spec.params()) {
      type.addMethod(
          with(
              names.getOrDefault(p.name(), p.name()),
              switch (p.type()) {
                case INT -> TypeName.INT;
                case FLOAT -> TypeName.DOUBLE;
                case BOOL -> TypeName.BOOLEAN;
              },
              "value",
              CodeBlock.of("param($S, value)", p.name()),
              describe(p)));
    }
    if (usesScale()) {
      type.addMethod(
          with(
              "scale",
              TypeName.DOUBLE,
              "value",
              CodeBlock.of("scale(value)"),
              "With a scale of the scores, 1/&radic;Dqk unless given."));
    }
    return type.addMethod(
            with(
                "sequences",
                ClassName.get(Sequences.class),
                "batch",
                CodeBlock.of("sequences(batch)"),
                "For a batch of sequences of their own lengths, which then says the shapes."))
        .addMethod(
            MethodSpec.methodBuilder("launch")
                .addJavadoc(
                    """
                    Checks everything and queues the kernel that is best for it. The first launch for a
                    dtype, head dim and batching makes its kernel: see {@link #prepare}.

                    @throws $T naming what must not be used so; nothing has been queued
                    @throws $T if the device has failed or is closed
                    """,
                    LAUNCH_EXCEPTION,
                    DEVICE_EXCEPTION)
                .addModifiers(Modifier.PUBLIC)
                .addParameter(Stream.class, "stream")
                .addStatement("attention.launch(stream, arguments)")
                .build())
        .addMethod(
            MethodSpec.methodBuilder("prepare")
                .addJavadoc(
                    """
                    Does all of a launch but the launch: those that follow wait for nothing, and may be
                    captured into a graph.

                    @throws $T as {@link #launch} does for sizes, types and values
                    @throws $T if the device refuses the kernel
                    """,
                    LAUNCH_EXCEPTION,
                    DEVICE_EXCEPTION)
                .addModifiers(Modifier.PUBLIC)
                .addStatement("attention.prepare(arguments)")
                .build())
        .addMethod(
            MethodSpec.methodBuilder("explain")
                .addJavadoc("Which kernel the launch takes, and why not another.\n")
                .addModifiers(Modifier.PUBLIC)
                .returns(Explanation.class)
                .addStatement("return attention.explain(arguments)")
                .build())
        .build();
  }

  private MethodSpec with(
      String method, TypeName type, String parameter, CodeBlock change, String doc) {
    return MethodSpec.methodBuilder(method)
        .addJavadoc("$L\n", doc)
        .addModifiers(Modifier.PUBLIC)
        .returns(call)
        .addParameter(type, parameter)
        .addStatement("return new $T(attention, arguments.$L)", call, change)
        .build();
  }

  private String describe(ParamDecl p) {
    String comment = comments.of(p.origin());
    return "With the %s param {@code %s}, %s unless given%s.%s"
        .formatted(
            p.type().keyword(),
            p.name(),
            Comments.escape(Exprs.print(p.defaultValue())),
            p.condition().map(c -> "; " + Comments.escape(Exprs.print(c.expr()))).orElse(""),
            comment.isEmpty() ? "" : "\n\n<p>" + comment);
  }

  private boolean usesScale() {
    return switch (spec.normalization()) {
      case Normalization.Softmax softmax ->
          scaled(spec.score().expr()) || softmax.sink().filter(s -> scaled(s.expr())).isPresent();
      case Normalization.Weight weight -> scaled(weight.weight().expr());
    };
  }

  private static boolean scaled(Expr e) {
    return Exprs.uses(e, x -> x instanceof Expr.Scale);
  }

  private static String number(double value) {
    return value == (long) value
        ? Long.toString((long) value)
        : String.format(Locale.ROOT, "%s", value);
  }
}
