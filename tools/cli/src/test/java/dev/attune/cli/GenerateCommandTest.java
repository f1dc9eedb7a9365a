package dev.attune.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.ptx.artifact.Artifact;
import dev.attune.ptx.artifact.Artifacts;
import dev.attune.ptx.compile.Request;
import dev.attune.runtime.Device;
import dev.attune.runtime.ElementType;
import dev.attune.runtime.PrebuiltResources;
import dev.attune.runtime.Stream;
import dev.attune.runtime.Tensor;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code attune generate}: what is written, when, and that it compiles and runs. */
final class GenerateCommandTest {
  private static final String CAUSAL = "attention mine { mask = causal }\n";

  private static final String NASTY =
      """
      // Names that Java has other plans for: */ {@code @ & <b>.
      attention object {
        param class : int = 4 where class >= 1 // how far */ it sees
        param launch : float = 1.5
        param a_b : int = 1
        param aB : bool = false
        tensor o : float[Hq]
        tensor int_x : int[Skv] where nondecreasing

        score = score * scale * launch + o[h]
        mask = (q - kv < class and int_x[q] == int_x[kv]) or aB or q - kv < a_b
      }
      """;

  @TempDir private Path work;
  private Path sources;

  @BeforeEach
  void sources() throws IOException {
    // Where the file names of the platform are of ASCII alone, so is this.
    boolean all = !"ANSI_X3.4-1968".equals(System.getProperty("sun.jnu.encoding"));
    sources = Files.createDirectories(work.resolve(all ? "quellen ä b" : "quellen b"));
  }

  private void write(String name, String text) throws IOException {
    Path file = sources.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private Attune generate(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "generate",
                sources.toString(),
                "--java=" + work.resolve("java"),
                "--resources=" + work.resolve("resources"),
                "--state=" + work.resolve("state"),
                "--package=org.example",
                "--head-dim=16",
                "--target=sm_80"));
    arguments.addAll(List.of(more));
    return Attune.run(arguments.toArray(String[]::new));
  }

  /** Every generated file with the time of its last change. */
  private Map<String, FileTime> files() throws IOException {
    Map<String, FileTime> times = new TreeMap<>();
    for (String folder : List.of("java", "resources")) {
      Path root = work.resolve(folder);
      if (Files.exists(root)) {
        try (var all = Files.walk(root)) {
          for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
            times.put(work.relativize(file).toString(), Files.getLastModifiedTime(file));
          }
        }
      }
    }
    return times;
  }

  @Test
  void aSecondRunWritesNothing() throws IOException {
    write("mine.attn", CAUSAL);
    Attune first = generate();
    assertEquals(0, first.code(), first.out() + first.err());
    Map<String, FileTime> before = files();
    assertEquals(
        List.of(
            "java/org/example/Mine.java",
            "resources/attn/mine.attn",
            "resources/org/example/mine/kernels.json",
            "resources/org/example/mine/sm_80_bf16_d16_dense_0.json",
            "resources/org/example/mine/sm_80_bf16_d16_dense_0.ptx"),
        List.copyOf(before.keySet()));
    Attune second = generate();
    assertEquals("1 spec file, 1 up to date: 0 files written, 0 removed", second.last());
    assertEquals(before, files());
  }

  @Test
  void machineCodeIsMadeWhereItIsAskedFor() throws IOException {
    write("mine.attn", CAUSAL);
    assertEquals(0, generate("--cubin").code());
    Path kernels = work.resolve("resources/org/example/mine");
    String stem = "sm_80_bf16_d16_dense_0";
    Artifact made = Artifacts.read(kernels, stem);
    byte[] code = made.cubin().orElseThrow().bytes();
    assertEquals("\177ELF", new String(code, 0, 4, StandardCharsets.ISO_8859_1));
    assertTrue(generate("--cubin").last().startsWith("1 spec file, 1 up to date"));
    assertEquals(0, generate().code());
    assertFalse(Files.exists(kernels.resolve(stem + ".cubin")));
    assertEquals(made.ptx(), Artifacts.read(kernels, stem).ptx());
  }

  @Test
  void anEditReachesWhatImportsIt() throws IOException {
    write("lib.attn", "let near = q - kv < 4\n");
    write("uses.attn", "import lib\nattention uses { mask = causal and near }\n");
    write("mine.attn", CAUSAL);
    assertEquals(0, generate().code());
    write("lib.attn", "let near = q - kv < 8\n");
    assertTrue(generate().last().startsWith("3 spec files, 1 up to date"));
    String index = Files.readString(work.resolve("resources/org/example/uses/kernels.json"));
    assertTrue(index.contains("q - kv < 8"), index);
  }

  @Test
  void aSpecOfAJarIsImportedAndGetsALauncher() throws IOException {
    Path jar = work.resolve("masks.jar");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
      zip.putNextEntry(new ZipEntry("attn/ready.attn"));
      String text = "let near = q - kv < 4\nattention ready { mask = causal and near }\n";
      zip.write(text.getBytes(StandardCharsets.UTF_8));
    }
    write("uses.attn", "import ready\nattention uses { mask = near }\n");
    String classPath = "--class-path=" + jar;
    assertEquals(0, generate(classPath).code());
    assertFalse(Files.exists(work.resolve("java/org/example/Ready.java")));
    assertEquals(0, generate(classPath, "--spec=ready").code());
    assertTrue(Files.exists(work.resolve("java/org/example/Ready.java")));
    assertTrue(Files.exists(work.resolve("resources/org/example/ready/kernels.json")));
    assertFalse(Files.exists(work.resolve("resources/attn/ready.attn")), "it is in the jar");
    assertTrue(generate(classPath, "--spec=ready").last().startsWith("2 spec files, 2 up to date"));
    Attune away = generate(classPath, "--spec=away,away");
    assertEquals(1, away.code());
    assertEquals(
        "error: nothing on the class path has attn/away.attn",
        away.out().lines().findFirst().orElseThrow());
    assertFalse(Files.exists(work.resolve("java/org/example/Ready.java")), "no longer asked for");
    assertTrue(Files.exists(work.resolve("java/org/example/Uses.java")), "the others are made");
    write("ready.attn", CAUSAL);
    Attune own = generate(classPath, "--spec=ready");
    assertEquals(1, own.code());
    assertTrue(own.out().contains("there is already a file ready.attn"), own.out());
  }

  @Test
  void anotherOptionAndADamagedOutputMakeItAnew() throws IOException {
    write("mine.attn", CAUSAL);
    assertEquals(0, generate().code());
    Path ptx = work.resolve("resources/org/example/mine/sm_80_bf16_d16_dense_0.ptx");
    String whole = Files.readString(ptx);
    Files.writeString(ptx, "damaged");
    assertEquals("1 spec file, 0 up to date: 1 file written, 0 removed", generate().last());
    assertEquals(whole, Files.readString(ptx));
    generate("--dtype=f16");
    assertFalse(Files.exists(ptx), "what the options no longer ask for is removed");
  }

  @Test
  void whatADeletedSpecLeftIsRemoved() throws IOException {
    write("mine.attn", CAUSAL);
    write("deep/other.attn", "attention other { }\n");
    assertEquals(0, generate().code());
    assertTrue(Files.exists(work.resolve("java/org/example/deep/Other.java")));
    Files.delete(sources.resolve("deep/other.attn"));
    assertEquals("1 spec file, 1 up to date: 0 files written, 5 removed", generate().last());
    assertFalse(Files.exists(work.resolve("java/org/example/deep")));
    assertTrue(Files.exists(work.resolve("java/org/example/Mine.java")));
  }

  @Test
  void everyErrorOfEveryFileIsToldAndTheOutputsOfThoseFilesStay() throws IOException {
    write("a.attn", "attention a { mask = causal }\n");
    write("b.attn", "attention b { }\n");
    assertEquals(0, generate().code());
    Map<String, FileTime> before = files();
    write("a.attn", "attention a { mask = cause }\n");
    write("c.attn", "attention c {\n  mask = 1\n}\n");
    Attune run = generate();
    assertEquals(1, run.code());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(0).matches(".*a\\.attn:1:22: error\\[ATTN\\d+]: .*"), run.out());
    assertTrue(lines.get(1).matches(".*c\\.attn:2:10: error\\[ATTN\\d+]: .*"), run.out());
    assertEquals("2 errors in 2 files", lines.getLast());
    assertEquals(before, files());
  }

  @Test
  void oneKernelThatThereIsNotLeavesNoneOfTheSpec() throws IOException {
    write("mine.attn", "attention mine { head_dim 16 }\n");
    write("wide.attn", "attention wide { }\n");
    Attune run = generate("--head-dim=512");
    assertEquals(1, run.code());
    assertTrue(
        run.out()
            .contains("wide.attn:1:1: error: no kernel of 'wide' for sm_80, bf16, head dim 512"),
        run.out());
    assertEquals("1 error in 1 file", run.last());
    assertFalse(Files.exists(work.resolve("resources/org/example/wide")));
    assertTrue(Files.exists(work.resolve("java/org/example/Mine.java")));
  }

  @Test
  void twoSpecsOfOneNameAreRefused() throws IOException {
    write("a.attn", "attention same { }\n");
    write("b.attn", "attention same { mask = causal }\n");
    Attune run = generate();
    assertEquals(1, run.code());
    assertTrue(run.out().contains("the launcher of 'same' would be org.example.Same"), run.out());
    assertEquals(Map.of(), files());
  }

  @Test
  void badOptionsAreOneSentence() {
    Attune target = generate("--target=sm_12");
    assertEquals(1, target.code());
    assertTrue(target.err().startsWith("error: unknown target 'sm_12'; known are sm_80"));
    sources = work.resolve("missing");
    assertEquals("error: there is no folder " + sources, generate().err().strip());
    assertEquals(2, generate("--package=a.1").code());
  }

  @Test
  void generatedJavaCompilesWithoutWarningsAndRuns() throws Exception {
    write("mine.attn", "attention mine { param n : int = 8 where n >= 1  mask = q - kv < n }\n");
    write("nasty.attn", NASTY);
    Attune run = generate("--cubin");
    assertEquals(0, run.code(), run.out() + run.err());
    Path classes = Files.createDirectories(work.resolve("classes"));
    List<String> arguments =
        new ArrayList<>(List.of("-Xlint:all,-processing,-classfile", "-Werror"));
    arguments.addAll(List.of("-proc:none", "-d", classes.toString()));
    arguments.addAll(List.of("-cp", System.getProperty("java.class.path")));
    arguments.add(work.resolve("java/org/example/Mine.java").toString());
    arguments.add(work.resolve("java/org/example/Object.java").toString());
    assertEquals(
        0,
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, arguments.toArray(String[]::new)));
    URL[] urls = {classes.toUri().toURL(), work.resolve("resources").toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(urls, getClass().getClassLoader());
        Device device = Device.open("emulated")) {
      Class<?> type = loader.loadClass("org.example.Mine");
      List<Artifact> built =
          new PrebuiltResources(type, "mine")
              .artifacts(new Request(List.of(Target.SM_80), Dtype.BF16, new HeadDim(16, 16)));
      assertTrue(built.getFirst().cubin().isPresent());
      try (AutoCloseable launcher =
          (AutoCloseable) type.getMethod("load", Device.class).invoke(null, device)) {
        NdArray x = NdArray.floats(1, 8, 1, 16);
        Arrays.fill(x.floats(), 1);
        Tensor q = device.tensor(Dtype.BF16, x);
        Tensor o = device.empty(ElementType.BF16, 1, 8, 1, 16);
        Tensor lse = device.empty(ElementType.F32, 1, 1, 8);
        Object call =
            type.getMethod(
                    "on", Tensor.class, Tensor.class, Tensor.class, Tensor.class, Tensor.class)
                .invoke(launcher, q, q, q, o, lse);
        call = call.getClass().getMethod("n", int.class).invoke(call, 3);
        call.getClass().getMethod("launch", Stream.class).invoke(call, device.stream());
        // All scores are 4: with n live keys LSE is 4 + ln n. Later keys are live as well.
        float[] rows = lse.download().floats();
        assertEquals(4 + Math.log(8), rows[0], 1e-3);
        assertEquals(4 + Math.log(3), rows[7], 1e-3);
      }
    }
  }
}
