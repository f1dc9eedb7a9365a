package dev.attune.ptx.select;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.attune.compiler.check.Checked;
import dev.attune.compiler.check.Frontend;
import dev.attune.compiler.check.ImportResolver;
import dev.attune.compiler.spec.Expr;
import dev.attune.dsl.diagnostic.Source;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sums that are added term by term for a whole tile. */
class LongSumTest {
  private static Expr score(String expression) {
    String text =
        """
        attention a {
          tensor x : float[B, Hq, Sq, 40]
          tensor y : float[B, Skv, 40]
          score = %s
        }
        """
            .formatted(expression);
    Checked checked = Frontend.load(new Source("a.attn", text), ImportResolver.none());
    return Unroll.unroll(checked.specs().getFirst().score().expr());
  }

  @Test
  void theScoreComesFirstAndWhatIsMadeOfTheSumLast() {
    Expr e = score("tanh(scale * (score + sum(i in 0..40: x[b, h, q, i] * y[b, kv, i])))");
    LongSum sum = LongSum.of(e).orElseThrow();
    assertEquals(41, sum.terms().size());
    assertEquals(new Expr.Score(), sum.terms().getFirst());
    assertEquals(score("tanh(scale * score)"), sum.rest());
    assertEquals(41, sum.steps().size(), "40 additions and the rest");
  }

  @Test
  void aSumThatIsAllHasNoRest() {
    Expr e = score("score * scale + sum(i in 0..40: x[b, h, q, i] * y[b, kv, i])");
    LongSum sum = LongSum.of(e).orElseThrow();
    assertEquals(score("score * scale"), sum.steps().getFirst());
    assertEquals(41, sum.steps().size());
  }

  @Test
  void theOrderOfWritingDoesNotMatter() {
    Expr e = score("sum(i in 0..40: x[b, h, q, i] * y[b, kv, i]) + score * scale");
    LongSum sum = LongSum.of(e).orElseThrow();
    assertEquals(score("score * scale"), sum.terms().getFirst());
    assertEquals(41, sum.terms().size());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "score * scale + sum(i in 0..8: x[b, h, q, i] * y[b, kv, i])",
        "score * (scale + sum(i in 0..40: x[b, h, q, i] * y[b, kv, i]))",
        "score * scale + sum(i in 0..40: score * x[b, h, q, i])"
      })
  void whatIsShortOrNeedsTheScoreLaterIsEvaluatedElementByElement(String expression) {
    assertEquals(Optional.empty(), LongSum.of(score(expression)));
  }
}
