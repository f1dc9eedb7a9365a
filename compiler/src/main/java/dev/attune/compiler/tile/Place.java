package dev.attune.compiler.tile;

import dev.attune.compiler.analysis.Residues;
import dev.attune.compiler.spec.Bindings;
import dev.attune.compiler.spec.Eval;
import dev.attune.compiler.spec.Expr;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where a running role computes: its work item, its rows of it, and expressions there. */
final class Place {
  private final TileKernel kernel;
  private final Eval eval;
  private final Bindings bindings;
  private final int group;
  private final boolean rounding;
  private final int copy;
  private final int rows;
  private final Optional<Long> step;
  private WorkOrder.@Nullable Item item;
  private List<Integer> tested = List.of();

  /**
   * Without an item.
   *
   * @param copy which copy of the role, of {@code copies}
   */
  Place(TileKernel kernel, Bindings bindings, boolean rounding, int copy, int copies) {
    this.kernel = kernel;
    this.eval = new Eval(bindings);
    this.bindings = bindings;
    this.group = bindings.shape().group();
    this.rounding = rounding;
    this.copy = copy;
    this.rows = kernel.rows() / copies;
    this.step = kernel.spec().step().map(eval::integer);
  }

  /** Goes on to another item. */
  void enter(WorkOrder.Item next) {
    item = next;
    int first = first();
    int seq = queries();
    step.ifPresent(n -> Residues.enter(eval, bindings.shape(), n, next.residue()));
    eval.bind(TileKernel.Q_FIRST, first);
    eval.bind(TileKernel.Q_LAST, Math.min(first + kernel.positions(group), seq) - 1);
    eval.bind(TileKernel.ROLE_FIRST, Math.min(position(0), seq - 1));
    eval.bind(TileKernel.ROLE_LAST, Math.min(position(rows - 1), seq - 1));
    eval.at(next.batch(), head(0), 0, 0);
    tested = kernel.tested().map(t -> t.evaluate(eval, keys())).orElse(List.of());
  }

  /** The kv tile that an index stands for. */
  long kvTile(long index) {
    return index >= 0 && index < tested.size() ? tested.get((int) index) : index;
  }

  WorkOrder.Item item() {
    if (item == null) {
      throw new IllegalStateException("no work item has been taken");
    }
    return item;
  }

  /** Sq of the item's sequence, or class. */
  private int queries() {
    int all = bindings.queries(item().batch());
    return step.map(n -> Residues.length(n, all, item().residue())).orElse(all);
  }

  /** Skv of the item's sequence, or class. */
  int keys() {
    int all = bindings.keys(item().batch());
    return step.map(n -> Residues.length(n, all, item().residue())).orElse(all);
  }

  /** Where in its sequence a position is. */
  int inSequence(long position) {
    return Math.toIntExact(step.map(n -> n * position + item().residue()).orElse(position));
  }

  /** The first query position of the item. */
  private int first() {
    return item().tile() * kernel.positions(group);
  }

  /** The query position of one of the role's rows. */
  int position(int row) {
    int inItem = copy * rows + row;
    return first() + (kernel.packed() ? inItem / group : inItem);
  }

  /** The query head of one of the role's rows. */
  int head(int row) {
    int head = item().head();
    return kernel.packed() ? head * group + (copy * rows + row) % group : head;
  }

  /** The key/value head of the item. */
  int kvHead() {
    return kernel.packed() ? item().head() : item().head() / group;
  }

  /** How many of the role's rows are before Sq and not idle. */
  int rowsInside() {
    int positions = Math.min(kernel.positions(group), queries() - first());
    int inItem = kernel.packed() ? positions * group : positions;
    return Math.clamp(inItem - copy * rows, 0, rows);
  }

  boolean rounding() {
    return rounding;
  }

  TileKernel kernel() {
    return kernel;
  }

  /** An evaluator at a key of one of the role's rows. */
  Eval at(int row, int key) {
    return eval.at(item().batch(), head(row), position(row), key);
  }

  /** An int that is the same for the whole role. */
  long integer(Expr e) {
    return at(0, 0).integer(e);
  }

  /** A float that is the same for the whole role. */
  double uniform(Expr e) {
    return f32(at(0, 0).real(e));
  }

  /** A number as the kernel keeps it. */
  double f32(double x) {
    return rounding ? (float) x : x;
  }
}
