package dev.attune.runtime;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.ptx.artifact.Manifest;
import dev.attune.ptx.artifact.Parameter;
import java.util.Locale;

/** Whether a manifest describes a kernel of a spec, with parameters that can be filled. */
final class ManifestCheck {
  private ManifestCheck() {}

  static void require(AttentionSpec spec, Manifest manifest) {
    if (!manifest.spec().equals(spec.name())) {
      throw new LaunchException(
          "the artifact was compiled from '%s', but the spec is '%s'"
              .formatted(manifest.spec(), spec.name()));
    }
    manifest.step().ifPresent(step -> requireStep(spec, step));
    for (Parameter parameter : manifest.parameters()) {
      Parameter.Type expected = expected(spec, manifest, parameter);
      if (parameter.type() != expected) {
        throw new LaunchException(
            "the artifact's parameter %s has type %s, expected %s"
                .formatted(parameter.name(), parameter.type().ptx(), expected.ptx()));
      }
    }
  }

  private static Parameter.Type expected(
      AttentionSpec spec, Manifest manifest, Parameter parameter) {
    return switch (parameter.role()) {
      case Parameter.Role.Pointer p -> Parameter.Type.U64;
      case Parameter.Role.Stride(Operand of, Parameter.Axis axis) -> {
        if (of == Operand.LSE || of == Operand.MAX_SCORE) {
          throw new LaunchException(
              "the artifact's parameter %s is a stride of %s, which is always contiguous"
                  .formatted(parameter.name(), of));
        }
        yield Parameter.Type.S64;
      }
      case Parameter.Role.Size s -> Parameter.Type.S32;
      case Parameter.Role.Scale s -> Parameter.Type.F32;
      case Parameter.Role.ScaleLog2e s -> Parameter.Type.F32;
      case Parameter.Role.TensorMap m -> Parameter.Type.TENSOR_MAP;
      case Parameter.Role.BoxBytes(Operand of) -> {
        if (manifest.parameters().stream()
            .noneMatch(
                p ->
                    p.role() instanceof Parameter.Role.TensorMap m
                        && m.of() == of
                        && m.form() == Parameter.Form.GROUPED)) {
          throw new LaunchException(
              "the artifact's parameter %s speaks of a grouped tensor map of %s, which it does not have"
                  .formatted(parameter.name(), LaunchCheck.name(of)));
        }
        yield Parameter.Type.S32;
      }
      case Parameter.Role.Sequences(Operand of) -> {
        requireSequences(manifest, parameter, of);
        yield Parameter.Type.U64;
      }
      case Parameter.Role.Tokens(Operand of) -> {
        requireSequences(manifest, parameter, of);
        yield Parameter.Type.S32;
      }
      case Parameter.Role.Pitch(Operand of) -> {
        if (manifest.step().isEmpty()) {
          requireSequences(manifest, parameter, of);
        }
        yield Parameter.Type.S32;
      }
      case Parameter.Role.Counter c -> Parameter.Type.U64;
      case Parameter.Role.Scalar(String name) ->
          spec.param(name).orElseThrow(() -> undeclared(parameter, "parameter", name, spec)).type()
                  == ScalarType.FLOAT
              ? Parameter.Type.F32
              : Parameter.Type.S32;
      case Parameter.Role.Captured(String name) -> {
        if (spec.tensor(name).isEmpty()) {
          throw undeclared(parameter, "tensor", name, spec);
        }
        yield Parameter.Type.U64;
      }
    };
  }

  /** The step of residue classes is an int that a launch knows. */
  private static void requireStep(AttentionSpec spec, Expr step) {
    boolean known =
        !(step instanceof Expr.Param p)
            || spec.param(p.name()).filter(d -> d.type() == ScalarType.INT).isPresent();
    if (!known) {
      throw new LaunchException(
          "the artifact's step is %s, expected a constant or an int parameter of '%s'"
              .formatted(Exprs.print(step), spec.name()));
    }
  }

  private static void requireSequences(Manifest manifest, Parameter parameter, Operand of) {
    if (manifest.batching() == Batching.DENSE || of == Operand.LSE || of == Operand.MAX_SCORE) {
      throw new LaunchException(
          "the artifact's parameter %s speaks of sequences of %s, and the artifact is for %s batches"
              .formatted(
                  parameter.name(),
                  LaunchCheck.name(of),
                  manifest.batching().name().toLowerCase(Locale.ROOT)));
    }
  }

  private static LaunchException undeclared(
      Parameter parameter, String kind, String name, AttentionSpec spec) {
    return new LaunchException(
        "the artifact's parameter %s needs the %s '%s', which '%s' does not declare"
            .formatted(parameter.name(), kind, name, spec.name()));
  }
}
