package dev.attune.compiler.analysis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.reference.Inputs;
import dev.attune.compiler.spec.AttentionSpec;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import dev.attune.compiler.spec.Exprs;
import dev.attune.compiler.spec.HeadDim;
import dev.attune.compiler.spec.NdArray;
import dev.attune.compiler.spec.ParamDecl;
import dev.attune.compiler.spec.Shape;
import dev.attune.dsl.diagnostic.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Every pair of the masks of the page's table, which are some of the library's and the field's,
 * against what is said of their tiles.
 */
class TightnessTest {
  private static final Path PAGE = Path.of("../docs/analysis.md");
  private static final String TABLE = "|---|---|---|---|---|---|---|---|---|---|---|\n";
  private static final int LONGEST_PARAM = 512;
  private static final int DOCUMENTS = 64;

  /** Self-attention, and fewer queries than keys, neither a multiple of a tile. */
  private static final List<Shape> SHAPES =
      List.of(
          new Shape(1, 2, 1, 1023, 1023, new HeadDim(8, 8)),
          new Shape(1, 2, 1, 400, 1500, new HeadDim(8, 8)));

  private record Tile(int rows, int cols) {}

  private static final List<Tile> TILES =
      List.of(new Tile(128, 80), new Tile(192, 80), new Tile(128, 128));

  @Test
  void everyTileIsWhatItIsSaidToBeAndThePageSaysHowOften() throws IOException {
    String page = Files.readString(PAGE);
    int at = page.indexOf(TABLE) + TABLE.length();
    List<String> lines =
        specs().stream()
            .filter(spec -> page.substring(at).contains("| " + spec.name() + " |"))
            .parallel()
            .map(TightnessTest::line)
            .toList();
    String expected = page.substring(0, at) + String.join("\n", lines) + "\n";
    if (Boolean.getBoolean("attune.bless")) {
      Files.writeString(PAGE, expected);
    } else {
      assertEquals(
          expected, page, "docs/analysis.md is of another analysis; accept with -Dattune.bless");
    }
  }

  private static List<AttentionSpec> specs() throws IOException {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> library = Files.list(Path.of("../specs/src/main/attn"))) {
      library.filter(p -> p.toString().endsWith(".attn")).sorted().forEach(files::add);
    }
    files.add(Path.of("src/test/resources/dev/attune/compiler/analysis/masks.attn"));
    Map<String, AttentionSpec> specs = new LinkedHashMap<>();
    for (Path file : files) {
      Source source = new Source(file.toString(), Files.readString(file));
      Checked checked = Frontend.load(source, ImportResolver.files());
      assertTrue(!checked.specs().isEmpty(), () -> file + ": " + checked.diagnostics());
      for (AttentionSpec spec : checked.specs()) {
        specs.remove(spec.name()); // The field's, whose tensors are coherent, goes before.
        specs.put(spec.name(), spec);
      }
    }
    return List.copyOf(specs.values());
  }

  private static String line(AttentionSpec spec) {
    Expr mask = spec.mask().expr();
    List<Tightness> sums = new ArrayList<>();
    List<TileTest> tests =
        TILES.stream().map(t -> TileTest.of(spec, mask, t.rows(), t.cols())).toList();
    TILES.forEach(t -> sums.add(Tightness.NONE));
    List<KvBounds> ranges = List.of(KvBounds.solve(spec), KvBounds.ofQueries(spec));
    List<BoundedTiles> bounded = new ArrayList<>(List.of(BoundedTiles.NONE, BoundedTiles.NONE));
    for (Shape shape : SHAPES) {
      Bindings bindings = bindings(spec, shape);
      Truths truths = Truths.of(mask, bindings, 0, 1);
      for (int i = 0; i < TILES.size(); i++) {
        Tile tile = TILES.get(i);
        Tightness t = Tightness.of(tests.get(i), truths, bindings, tile.rows(), tile.cols());
        assertEquals(0, t.wrong(), () -> spec.name() + " at " + shape + ", " + tile);
        sums.set(i, sums.get(i).plus(t));
      }
      for (int i = 0; i < ranges.size(); i++) {
        Eval eval = new Eval(bindings).at(0, 1, 0, 0);
        boolean keys = i == 0;
        int along = keys ? TILES.getFirst().rows() : TILES.getFirst().cols();
        int across = keys ? TILES.getFirst().cols() : TILES.getFirst().rows();
        BoundedTiles t = BoundedTiles.of(ranges.get(i), truths, eval, along, across);
        assertEquals(
            0, t.wrong(), () -> spec.name() + (keys ? " keys at " : " queries at ") + shape);
        bounded.set(i, bounded.get(i).plus(t));
      }
    }
    List<String> cells = new ArrayList<>(List.of(spec.name()));
    sums.forEach(t -> cells.add(ratio(t.visited(), t.live())));
    sums.forEach(t -> cells.add(ratio(t.partial(), t.mixed())));
    bounded.forEach(t -> cells.add(ratio(t.visited(), t.hull())));
    cells.add(share(sums.getFirst()));
    TileTest first = tests.getFirst();
    cells.add(Integer.toString(Exprs.distinct(first.some()) + Exprs.distinct(first.all())));
    return "| " + String.join(" | ", cells) + " |";
  }

  private static String ratio(int said, int so) {
    return said == so
        ? "1.00"
        : so == 0 ? "-" : String.format(Locale.ROOT, "**%.2f**", said / (double) so);
  }

  private static String share(Tightness t) {
    return String.format(Locale.ROOT, "%.0f %%", 100.0 * t.visited() / t.tiles());
  }

  /** Random tensors, but those of packed documents that belong together; params that matter. */
  private static Bindings bindings(AttentionSpec spec, Shape shape) {
    Map<String, Double> params = new LinkedHashMap<>(Inputs.bindings(spec, shape, 3).params());
    for (ParamDecl p : spec.params()) {
      params.computeIfPresent(
          p.name(), (name, x) -> Math.max(p.range().low(), Math.min(x, LONGEST_PARAM)));
    }
    Bindings random = Inputs.bindings(spec, shape, params, 3);
    Map<String, NdArray> tensors = new TreeMap<>(random.tensors());
    tensors.replaceAll((name, tensor) -> packed(name, tensor, shape.kvSeq()));
    return new Bindings(shape, random.scale(), params, tensors);
  }

  private static NdArray packed(String name, NdArray tensor, int length) {
    int[] shape = tensor.shape();
    if (shape.length != 1) {
      return tensor;
    }
    int[] starts = starts(length);
    return switch (name) {
      case "doc" ->
          ints(
              shape[0],
              i -> (int) IntStream.of(starts).skip(1).limit(DOCUMENTS).filter(s -> s <= i).count());
      case "offsets" -> ints(shape[0], i -> starts[Math.min(i, DOCUMENTS)]);
      case "prefix" -> ints(shape[0], i -> i / 3 * 3);
      case "limit" -> ints(shape[0], i -> i / 50 * 50);
      case "first" -> ints(shape[0], i -> Math.max(0, i * length / shape[0] - 90));
      case "end" -> ints(shape[0], i -> i * length / shape[0] + 190);
      default -> tensor;
    };
  }

  /** Where documents of random lengths start, and the end of all from then on. */
  private static int[] starts(int length) {
    Random random = new Random(5);
    int[] starts = new int[DOCUMENTS + 1];
    for (int i = 1; i <= DOCUMENTS; i++) {
      starts[i] = Math.min(length, starts[i - 1] + 20 + random.nextInt(200));
    }
    return starts;
  }

  private static NdArray ints(int count, IntUnaryOperator value) {
    return new NdArray(new int[] {count}, IntStream.range(0, count).map(value).toArray());
  }
}
