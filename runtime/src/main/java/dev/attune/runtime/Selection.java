package dev.attune.runtime;

import java.util.Optional;

/**
 * Which candidates of a kernel launches may take.
 *
 * @param name of a candidate, such as {@code hopper.2}, or of a family, {@code hopper}; empty for
 *     all candidates
 */
public record Selection(Optional<String> name) {
  /** Whichever is best. */
  public static final Selection ALL = new Selection(Optional.empty());

  /**
   * Only those of a name, as {@link Explanation} shows them. A launch that they refuse fails with
   * their reasons.
   */
  public static Selection only(String name) {
    return new Selection(Optional.of(name));
  }

  /** As the process is set: by {@link Setting#KERNEL}, or else all. */
  public static Selection ofProcess() {
    return new Selection(Setting.KERNEL.value());
  }

  /** Whether a candidate may be taken. */
  boolean admits(String candidate, String family) {
    return name.isEmpty() || name.get().equals(candidate) || name.get().equals(family);
  }
}
