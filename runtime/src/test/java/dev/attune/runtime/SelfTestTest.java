package dev.attune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.dsl.diagnostic.Source;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.compile.KernelCompiler;
import dev.attune.runtime.cache.DiskCache;
import dev.attune.runtime.cache.Key;
import dev.attune.runtime.emulated.EmulatedDevice;
import dev.attune.runtime.emulated.EmulatedMachine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The self-test, and how it decides about code, on the emulated device. */
class SelfTestTest {
  private static final AttentionSpec SPEC =
      spec(
          """
          attention mine {
            param n : int = 70 where n >= 1
            tensor slope : float[Hq]
            score = score * scale + slope[h] * float(kv - q)
            mask = causal and q - kv < n
          }
          """);

  private static final Artifact RIGHT = compile(SPEC, Target.SM_80, Batching.DENSE).getLast();

  @TempDir Path home;
  private final EmulatedDevice device = EmulatedDevice.open();

  private final @Nullable String setting = System.getProperty(Setting.SELF_TEST.property());

  @BeforeEach
  void turnOn() {
    System.setProperty(Setting.SELF_TEST.property(), "on");
  }

  @AfterEach
  void close() {
    device.close();
    if (setting == null) {
      System.clearProperty(Setting.SELF_TEST.property());
    } else {
      System.setProperty(Setting.SELF_TEST.property(), setting);
    }
  }

  private static AttentionSpec spec(String text) {
    return Frontend.load(new Source("mine.attn", text), ImportResolver.none()).specs().getFirst();
  }

  private static List<Artifact> compile(AttentionSpec spec, Target target, Batching batching) {
    return KernelCompiler.candidates(
            spec, List.of(target), Dtype.BF16, new HeadDim(64, 64), batching)
        .stream()
        .map(KernelCompiler.Compilation::artifact)
        .toList();
  }

  private Kernel.Code code(Artifact artifact) {
    return EmulatedMachine.of(device).load().apply(artifact);
  }

  private Optional<String> flaw(AttentionSpec spec, Artifact artifact) {
    return new SelfTest(spec, artifact).flaw(device, code(artifact));
  }

  /** An artifact whose PTX has one text replaced by another where it stands first. */
  private static Artifact sabotaged(String regex, String replacement) {
    String ptx = RIGHT.ptx().replaceFirst(regex, replacement);
    assertTrue(!ptx.equals(RIGHT.ptx()), "nothing matches " + regex);
    return new Artifact(RIGHT.manifest(), ptx);
  }

  @Test
  void rightCodePasses() {
    assertEquals(Optional.empty(), flaw(SPEC, RIGHT));
    for (Batching batching : List.of(Batching.PADDED, Batching.PACKED)) {
      assertEquals(Optional.empty(), flaw(SPEC, compile(SPEC, Target.SM_80, batching).getFirst()));
    }
    AttentionSpec dilated = spec("attention mine { mask = q >= kv and (q - kv) % 2 == 0 }");
    for (Artifact artifact : compile(dilated, Target.SM_90A, Batching.DENSE)) {
      assertEquals(Optional.empty(), flaw(dilated, artifact), artifact.manifest().toString());
    }
  }

  @Test
  void codeOfAnotherSpecFails() {
    AttentionSpec other =
        spec(
            """
            attention mine {
              param n : int = 70 where n >= 1
              tensor slope : float[Hq]
              score = score * scale + slope[h] * float(kv - q)
              mask = causal and q - kv <= n
            }
            """);
    assertTrue(flaw(other, RIGHT).isPresent());
  }

  @Test
  void problemsThatExceedTheDtypeSayNothing() {
    AttentionSpec spec = spec("attention mine { weight = exp(20.0 * score) }");
    Artifact artifact =
        KernelCompiler.compile(
                spec, new KernelCompiler.Options(Target.SM_80, Dtype.F16, new HeadDim(64, 64)))
            .artifact();
    assertEquals(Optional.empty(), flaw(spec, artifact));
  }

  /** The ways to right and wrong code, and which of them were gone. */
  private final class Ways {
    final List<String> gone = new ArrayList<>();
    final List<Kernel.Code> codes = new ArrayList<>();

    ProvenCode.Way<Kernel.Code> way(String name, Artifact artifact) {
      return new ProvenCode.Way<>(
          name,
          () -> {
            gone.add(name);
            codes.add(code(artifact));
            return codes.getLast();
          });
    }

    ProvenCode.Way<Kernel.Code> none(String name) {
      return new ProvenCode.Way<>(
          name,
          () -> {
            gone.add(name);
            throw new DeviceException("there is no " + name);
          });
    }

    Kernel.Code load(DiskCache cache, List<ProvenCode.Way<Kernel.Code>> ways) {
      return ProvenCode.load(device, SPEC, RIGHT, cache, Key.of("passed", "x"), ways);
    }
  }

  @Test
  void aWrongConstantIsRefusedByName() {
    // The logarithm of 2 that makes the LSE natural, in one of a thread's rows; and how far a
    // column
    // of the tile is from the first, which a bias depends on.
    for (Artifact wrong :
        List.of(sabotaged("0f3F317218", "0f3F327218"), sabotaged("0fC0E00000", "0fC0C00000"))) {
      Ways ways = new Ways();
      DeviceException e =
          assertThrows(
              DeviceException.class,
              () ->
                  ways.load(
                      DiskCache.off(""),
                      List.of(ways.way("first", wrong), ways.way("second", wrong))));
      String message = String.valueOf(e.getMessage());
      assertTrue(
          message.startsWith(
              "kernel attune_mine_bf16_d64_64 computes wrong results on PTX emulator with first ("),
          message);
      assertTrue(message.contains(") and with second ("), message);
      assertTrue(
          message.endsWith("or set ATTUNE_SELF_TEST=off to launch it all the same"), message);
      assertEquals(1, message.lines().count());
      assertEquals(List.of("first", "second"), ways.gone);
    }
  }

  @Test
  void anotherWayIsTakenAndRemembered() {
    Artifact wrong = sabotaged("0f3F317218", "0f3F327218");
    DiskCache cache = DiskCache.at(home.resolve("attune"));
    Ways first = new Ways();
    Kernel.Code code =
        first.load(
            cache,
            List.of(first.none("cubin"), first.way("fast", wrong), first.way("careful", RIGHT)));
    assertEquals(List.of("cubin", "fast", "careful"), first.gone);
    assertSame(first.codes.getLast(), code);
    // What failed has been closed.
    DeviceException e =
        assertThrows(
            DeviceException.class,
            () -> new SelfTest(SPEC, RIGHT).flaw(device, first.codes.get(0)));
    assertTrue(String.valueOf(e.getMessage()).contains("is closed"), e.getMessage());
    Ways second = new Ways();
    second.load(
        cache,
        List.of(second.none("cubin"), second.way("fast", wrong), second.way("careful", RIGHT)));
    assertEquals(List.of("careful"), second.gone);
    // What is remembered is not tested again: another key would be needed for other code.
    Ways third = new Ways();
    third.load(cache, List.of(third.way("careful", wrong)));
    assertEquals(List.of("careful"), third.gone);
  }

  @Test
  void theFirstFailureIsTold() {
    Ways ways = new Ways();
    DeviceException e =
        assertThrows(
            DeviceException.class,
            () -> ways.load(DiskCache.off(""), List.of(ways.none("one"), ways.none("two"))));
    assertEquals("there is no one", e.getMessage());
  }

  @Test
  void theTestCanBeTurnedOff() {
    Artifact wrong = sabotaged("0f3F317218", "0f3F327218");
    System.setProperty(Setting.SELF_TEST.property(), "off");
    Ways ways = new Ways();
    DiskCache cache = DiskCache.at(home.resolve("attune"));
    ways.load(cache, List.of(ways.way("fast", wrong), ways.way("careful", RIGHT)));
    assertEquals(List.of("fast"), ways.gone);
    assertEquals(0, cache.usage().entries());
  }
}
