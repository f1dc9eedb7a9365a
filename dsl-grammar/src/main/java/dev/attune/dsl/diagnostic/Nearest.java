package dev.attune.dsl.diagnostic;

import java.util.Collection;
import java.util.Optional;

/** Finds what a misspelt word was meant to be. */
public final class Nearest {
  private Nearest() {}

  /**
   * The candidate with the fewest edits (insert, delete, replace, exchange neighbours; letter case
   * counts half) from the word: the first in order among equals, nothing where all need more edits
   * than a third of the word.
   */
  public static Optional<String> to(String word, Collection<String> candidates) {
    int limit = 2 * Math.max(1, word.length() / 3);
    Optional<String> best = Optional.empty();
    int least = limit + 1;
    for (String candidate : candidates.stream().sorted().toList()) {
      if (2 * Math.abs(candidate.length() - word.length()) > limit) {
        continue;
      }
      int cost = distance(word, candidate);
      if (cost < least) {
        least = cost;
        best = Optional.of(candidate);
      }
    }
    return best;
  }

  /** Twice the number of edits. */
  private static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = 2 * i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = 2 * j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int least = Math.min(d[i - 1][j] + 2, d[i][j - 1] + 2);
        least = Math.min(least, d[i - 1][j - 1] + replace(a.charAt(i - 1), b.charAt(j - 1)));
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          least = Math.min(least, d[i - 2][j - 2] + 2);
        }
        d[i][j] = least;
      }
    }
    return d[a.length()][b.length()];
  }

  private static int replace(char a, char b) {
    if (a == b) {
      return 0;
    }
    return Character.toLowerCase(a) == Character.toLowerCase(b) ? 1 : 2;
  }
}
