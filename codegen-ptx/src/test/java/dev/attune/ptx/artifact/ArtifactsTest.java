package dev.attune.ptx.artifact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.schedule.Batching;
import dev.attune.compiler.schedule.Lengths;
import dev.attune.compiler.schedule.Target;
import dev.attune.compiler.spec.Dtype;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.Extent;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.Operand;
import dev.attune.compiler.spec.ScalarType;
import dev.attune.compiler.spec.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArtifactsTest {
  private static final Artifact ARTIFACT =
      new Artifact(
          new Manifest(
              "windowed",
              "windowed_bf16_d128",
              Target.SM_80,
              Dtype.BF16,
              new HeadDim(192, 128),
              Manifest.Grid.ITEMS,
              Lengths.ALL,
              128,
              64,
              73728,
              List.of(
                  new Parameter("q", new Parameter.Role.Pointer(Operand.Q), Parameter.Type.U64),
                  new Parameter(
                      "q_stride_batch",
                      new Parameter.Role.Stride(Operand.Q, Parameter.Axis.BATCH),
                      Parameter.Type.S64),
                  new Parameter("seq", new Parameter.Role.Size(Extent.SQ), Parameter.Type.S32),
                  new Parameter("scale", new Parameter.Role.Scale(), Parameter.Type.F32),
                  new Parameter("window", new Parameter.Role.Scalar("window"), Parameter.Type.S32),
                  new Parameter("bias", new Parameter.Role.Captured("bias"), Parameter.Type.U64)),
              List.of(
                  new Manifest.Scalar("window", "int", 4096, 0, 1 << 30),
                  new Manifest.Scalar(
                      "cap", "float", 0.5, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY)),
              List.of(new Manifest.Captured("bias", "float", List.of("Hq", "2 * window + 1")))),
          "// text\n");

  private static final String JSON =
      """
      {
        "format": 1,
        "spec": "windowed",
        "entry": "windowed_bf16_d128",
        "target": "sm_80",
        "dtype": "bf16",
        "head_dim": {"qk":192,"v":128},
        "threads": 128,
        "rows_per_block": 64,
        "grid": ["ceil(Sq / 64)","Hq","B"],
        "queries": {"from":1,"to":16777216},
        "shared_bytes": 73728,
        "ptx_sha256": "%s",
        "parameters": [
          {"name":"q","type":"u64","role":"pointer","of":"q"},
          {"name":"q_stride_batch","type":"s64","role":"stride","of":"q","axis":"batch"},
          {"name":"seq","type":"s32","role":"size","extent":"Sq"},
          {"name":"scale","type":"f32","role":"scale"},
          {"name":"window","type":"s32","role":"scalar","param":"window"},
          {"name":"bias","type":"u64","role":"captured","tensor":"bias"}
        ],
        "params": [
          {"name":"window","type":"int","default":4096,"low":0,"high":1073741824},
          {"name":"cap","type":"float","default":0.5,"low":null,"high":null}
        ],
        "tensors": [
          {"name":"bias","type":"float","shape":["Hq","2 * window + 1"]}
        ]
      }
      """
          .formatted("c77f5c0c23a55610288ffca7eb55925f8b7b23ac7df01c2b136d2f915fc8054a");

  @TempDir Path directory;

  @Test
  void theFilesAreReadableAndComeBack() throws IOException {
    Artifacts.write(ARTIFACT, directory, "w");
    assertEquals(JSON, Files.readString(directory.resolve("w.json")));
    assertEquals(ARTIFACT.ptx(), Files.readString(directory.resolve("w.ptx")));
    assertEquals(ARTIFACT, Artifacts.read(directory, "w"));
  }

  @Test
  void machineCodeBelongsToItsManifest() throws IOException {
    Artifact assembled = ARTIFACT.with(new Cubin(new byte[] {1, 2}));
    Artifacts.write(ARTIFACT, directory, "w", new byte[] {1, 2});
    Path cubin = directory.resolve("w.cubin");
    assertArrayEquals(new byte[] {1, 2}, Files.readAllBytes(cubin));
    assertEquals(assembled, Artifacts.read(directory, "w"));
    assertTrue(
        Artifacts.toJson(assembled)
            .contains(
                """
                  "cubin_sha256": "a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222",
                """));
    Files.write(cubin, new byte[] {1, 3});
    assertEquals(
        "the manifest does not belong to this machine code: cubin_sha256 differs",
        assertThrows(ArtifactException.class, () -> Artifacts.read(directory, "w")).getMessage());
    Files.delete(cubin);
    assertEquals(ARTIFACT, Artifacts.read(directory, "w"));
    // Machine code that no manifest speaks of is not taken, and an artifact without removes it.
    Files.write(cubin, new byte[] {1, 2});
    Files.writeString(directory.resolve("w.json"), JSON);
    assertThrows(ArtifactException.class, () -> Artifacts.read(directory, "w"));
    Artifacts.write(ARTIFACT, directory, "w");
    assertEquals(ARTIFACT, Artifacts.read(directory, "w"));
  }

  @Test
  void listsComeBackAndDamageIsFound() {
    List<Artifact> list = List.of(ARTIFACT.with(new Cubin(new byte[] {7})), ARTIFACT);
    byte[] bytes = ArtifactList.toBytes(list);
    assertArrayEquals(bytes, ArtifactList.toBytes(List.copyOf(list)));
    assertEquals(list, ArtifactList.fromBytes(bytes));
    assertEquals(List.of(), ArtifactList.fromBytes(ArtifactList.toBytes(List.of())));
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThrows(ArtifactException.class, () -> ArtifactList.fromBytes(cut));
    }
    assertThrows(
        ArtifactException.class,
        () -> ArtifactList.fromBytes(Arrays.copyOf(bytes, bytes.length + 1)));
    for (int at : new int[] {0, 3, 4, 7, 40, bytes.length / 2}) {
      byte[] bad = bytes.clone();
      bad[at] = (byte) 0xFF;
      assertThrows(ArtifactException.class, () -> ArtifactList.fromBytes(bad), "" + at);
    }
  }

  @Test
  void kernelsForSequencesComeBack() throws IOException {
    Manifest m = ARTIFACT.manifest();
    for (Batching batching : List.of(Batching.PADDED, Batching.PACKED)) {
      for (Manifest.Grid grid : List.of(Manifest.Grid.ITEMS, Manifest.Grid.PERSISTENT)) {
        Manifest sequences =
            new Manifest(
                m.spec(),
                m.entry(),
                Target.SM_90A,
                m.dtype(),
                m.headDim(),
                grid,
                batching,
                Lengths.ALL,
                m.threads(),
                m.rowsPerBlock(),
                m.sharedBytes(),
                List.of(
                    new Parameter(
                        "k_map",
                        new Parameter.Role.TensorMap(Operand.K, 80, 64, Parameter.Form.SEQUENCES),
                        Parameter.Type.TENSOR_MAP),
                    new Parameter(
                        "k_pitch", new Parameter.Role.Pitch(Operand.K), Parameter.Type.S32),
                    new Parameter(
                        "q_sequences", new Parameter.Role.Sequences(Operand.Q), Parameter.Type.U64),
                    new Parameter(
                        "q_tokens", new Parameter.Role.Tokens(Operand.Q), Parameter.Type.S32)),
                List.of(),
                List.of(),
                Optional.empty(),
                "hopper",
                "tiles 128 x 80");
        Artifact artifact = new Artifact(sequences, ARTIFACT.ptx());
        assertEquals(artifact, Artifacts.fromJson(Artifacts.toJson(artifact), artifact.ptx()));
      }
    }
  }

  private static Manifest ofResidues(Expr step, Batching batching, Manifest.Grid grid) {
    Manifest m = ARTIFACT.manifest();
    return new Manifest(
        m.spec(),
        m.entry(),
        Target.SM_90A,
        m.dtype(),
        m.headDim(),
        grid,
        batching,
        Lengths.ALL,
        m.threads(),
        m.rowsPerBlock(),
        m.sharedBytes(),
        List.of(),
        m.params(),
        List.of(),
        Optional.of(step),
        "",
        "");
  }

  @Test
  void kernelsOfResidueClassesComeBack() throws IOException {
    Expr window = new Expr.Param("window", ScalarType.INT);
    for (Expr step : List.of(window, Exprs.of(4L))) {
      Manifest m = ofResidues(step, Batching.DENSE, Manifest.Grid.PERSISTENT);
      Artifact artifact = new Artifact(m, ARTIFACT.ptx());
      String json = Artifacts.toJson(artifact);
      assertEquals(artifact, Artifacts.fromJson(json, artifact.ptx()));
      String field = step.equals(window) ? "\"step\": \"window\"" : "\"step\": 4";
      assertTrue(json.contains(field), json);
      for (String wrong : List.of("0", "true", "4, \"batching\": \"packed\"")) {
        String other = json.replace(field, "\"step\": " + wrong);
        assertThrows(
            ArtifactException.class, () -> Artifacts.fromJson(other, artifact.ptx()), wrong);
      }
    }
    for (Batching batching : List.of(Batching.PADDED, Batching.PACKED)) {
      assertThrows(
          IllegalArgumentException.class,
          () -> ofResidues(window, batching, Manifest.Grid.PERSISTENT));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> ofResidues(window, Batching.DENSE, Manifest.Grid.PERSISTENT_PACKED));
    assertThrows(
        IllegalArgumentException.class,
        () -> ofResidues(Exprs.mul(window, window), Batching.DENSE, Manifest.Grid.PERSISTENT));
  }

  /** No more tiles than tokens fill, and one more for each sequence. */
  @Test
  void tilesOfSequencesAreBounded() {
    Manifest m = ARTIFACT.manifest();
    Shape shape = new Shape(3, 2, 1, 100, 100, m.headDim());
    Manifest packed =
        new Manifest(
            m.spec(),
            m.entry(),
            m.target(),
            m.dtype(),
            m.headDim(),
            m.grid(),
            Batching.PACKED,
            m.queries(),
            m.threads(),
            64,
            m.sharedBytes(),
            List.of(),
            List.of(),
            List.of(),
            Optional.empty(),
            "",
            "");
    assertEquals(6, m.tiles(shape, 100));
    assertEquals(4, packed.tiles(shape, 100));
    assertEquals(6, packed.tiles(shape, 300));
  }

  @Test
  void packedKernelsComeBack() throws IOException {
    Manifest m = ARTIFACT.manifest();
    Manifest packed =
        new Manifest(
            m.spec(),
            m.entry(),
            Target.SM_90A,
            m.dtype(),
            m.headDim(),
            Manifest.Grid.PERSISTENT_PACKED,
            new Lengths(1, 127),
            256,
            64,
            m.sharedBytes(),
            List.of(
                new Parameter(
                    "q_map",
                    new Parameter.Role.TensorMap(Operand.Q, 64, 64, Parameter.Form.GROUPED),
                    Parameter.Type.TENSOR_MAP),
                new Parameter("q_box", new Parameter.Role.BoxBytes(Operand.Q), Parameter.Type.S32),
                new Parameter(
                    "k_map",
                    new Parameter.Role.TensorMap(Operand.K, 80, 64),
                    Parameter.Type.TENSOR_MAP)),
            List.of(),
            List.of());
    Artifact artifact = new Artifact(packed, ARTIFACT.ptx());
    Artifacts.write(artifact, directory, "p");
    String json = Files.readString(directory.resolve("p.json"));
    assertTrue(
        json.contains("[\"min(ceil(Sq / floor(64 / group)) * Hkv * B, SMs)\",\"1\",\"1\"]"), json);
    assertTrue(json.contains("\"role\":\"grouped_tensor_map\",\"of\":\"q\""), json);
    assertTrue(json.contains("\"role\":\"box_bytes\",\"of\":\"q\""), json);
    assertEquals(artifact, Artifacts.read(directory, "p"));
  }

  /** Of a head's 40 queries and a group of 5: items of 12 positions, or of 64 of one head. */
  @Test
  void itemsAreCounted() {
    Shape shape = new Shape(2, 10, 2, 40, 7, new HeadDim(192, 128));
    Manifest plain = ARTIFACT.manifest();
    assertEquals(10, plain.items(shape));
    assertEquals(640, plain.rows(shape));
    Manifest packed =
        new Manifest(
            plain.spec(),
            plain.entry(),
            plain.target(),
            plain.dtype(),
            plain.headDim(),
            Manifest.Grid.PERSISTENT_PACKED,
            plain.queries(),
            plain.threads(),
            plain.rowsPerBlock(),
            plain.sharedBytes(),
            plain.parameters(),
            plain.params(),
            plain.tensors());
    assertEquals(4, packed.tiles(shape));
    assertEquals(8, packed.items(shape));
    assertEquals(512, packed.rows(shape));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      textBlock =
          """
          "format": 1 | "format": 2 | the manifest's format is 2, expected 1
          "threads": 128 | "threads": "128" | the manifest's threads is "128", expected an integer from 1 to 1024
          "threads": 128, | `` | the manifest's threads is missing, expected an integer from 1 to 1024
          "target": "sm_80" | "target": "sm_10" | the manifest's target is "sm_10", expected sm_80, sm_86, sm_87, sm_89, sm_90, sm_90a
          "role":"scale" | "role":"scales" | the manifest's parameters[3].role is "scales", expected pointer, stride, size, scale, scale_log2e, scalar, captured, tensor_map, grouped_tensor_map, sequences_tensor_map, box_bytes, sequences, tokens, pitch or counter
          "default":0.5 | "default":null | the manifest's params[1].default is null, expected a finite number
          ["ceil(Sq / 64)" | ["Sq" | the manifest's grid is ["Sq","Hq","B"], expected [ceil(Sq / 64), Hq, B] or [min(ceil(Sq / 64) * Hq * B, SMs), 1, 1] or [min(ceil(Sq / floor(64 / group)) * Hkv * B, SMs), 1, 1]
          """)
  void malformedManifestsAreRefused(String from, String to, String message) {
    assertTrue(JSON.contains(from), from);
    ArtifactException e =
        assertThrows(
            ArtifactException.class,
            () -> Artifacts.fromJson(JSON.replace(from, to), ARTIFACT.ptx()));
    assertEquals(message, e.getMessage());
  }

  @Test
  void whatIsNotAManifestIsRefused() {
    for (String text : List.of("", "{", "[]", "{} {}", "\0\1", "{\"format\":1,\"format\":1}")) {
      assertThrows(ArtifactException.class, () -> Artifacts.fromJson(text, ARTIFACT.ptx()), text);
    }
    ArtifactException other =
        assertThrows(ArtifactException.class, () -> Artifacts.fromJson(JSON, "// other\n"));
    assertEquals(
        "the manifest does not belong to this PTX: ptx_sha256 differs", other.getMessage());
    assertThrows(ArtifactException.class, () -> Artifacts.write(ARTIFACT, directory, "../escape"));
  }
}
