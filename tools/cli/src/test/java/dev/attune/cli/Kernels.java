package dev.attune.cli;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.ptx.compile.KernelCompiler.Compilation;
import dev.attune.specs.SpecLibrary;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Kernels that tests look at. As a program it prints the hash of each one's PTX. */
final class Kernels {
  private Kernels() {}

  static Compilation compile(String name, Dtype dtype, HeadDim dim) {
    String text = SpecLibrary.text(name).orElseThrow();
    AttentionSpec spec =
        Frontend.load(new Source(name + ".attn", text), ImportResolver.none()).specs().getFirst();
    return KernelCompiler.compile(spec, new KernelCompiler.Options(Target.SM_80, dtype, dim));
  }

  static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /** The hash of every built-in's PTX, in the order of the arguments or of the library. */
  public static void main(String[] names) {
    for (String name : names) {
      Compilation c = compile(name, Dtype.BF16, new HeadDim(64, 64));
      System.out.println(name + " " + sha256(c.artifact().ptx()));
    }
  }
}
