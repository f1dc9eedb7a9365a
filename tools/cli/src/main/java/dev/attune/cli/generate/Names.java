package dev.attune.cli.generate;

import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.SourceVersion;

/** Java's names for the names of a spec. */
final class Names {
  private Names() {}

  /** {@code gemma2_local} is {@code Gemma2Local}. */
  static String type(String name) {
    String joined = words(name).map(Names::capital).collect(Collectors.joining());
    return javaName(joined);
  }

  /**
   * Names of members or parameters, different from each other: {@code max_doc} is {@code maxDoc}.
   *
   * @param reserved what none of them may be
   */
  static Map<String, String> members(Collection<String> names, Set<String> reserved) {
    Map<String, String> members = new LinkedHashMap<>();
    Set<String> taken = new HashSet<>(reserved);
    for (String name : names) {
      String member = member(name);
      while (!taken.add(member)) {
        member += "_";
      }
      members.put(name, member);
    }
    return members;
  }

  private static String member(String name) {
    List<String> words = words(name).toList();
    String joined = words.stream().skip(1).map(Names::capital).collect(Collectors.joining());
    return javaName(words.isEmpty() ? "" : uncapital(words.getFirst()) + joined);
  }

  /** Whether a name may be that of a package. */
  static boolean isPackage(String name) {
    return SourceVersion.isName(name, SourceVersion.RELEASE_25);
  }

  private static Stream<String> words(String name) {
    return Arrays.stream(name.split("_", -1)).filter(w -> !w.isEmpty());
  }

  private static String capital(String word) {
    return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
  }

  /** A word in capitals is an abbreviation. */
  private static String uncapital(String word) {
    return word.equals(word.toUpperCase(Locale.ROOT))
        ? word.toLowerCase(Locale.ROOT)
        : word.substring(0, 1).toLowerCase(Locale.ROOT) + word.substring(1);
  }

  private static String javaName(String joined) {
    String name =
        joined.isEmpty() || !Character.isJavaIdentifierStart(joined.charAt(0))
            ? "_" + joined
            : joined;
    return SourceVersion.isIdentifier(name)
            && !SourceVersion.isKeyword(name, SourceVersion.RELEASE_25)
        ? name
        : name + "_";
  }
}
