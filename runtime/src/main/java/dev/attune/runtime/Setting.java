package dev.attune.runtime;

import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a user may set for a whole process: the system property {@code attune.name-of-setting}, or
 * else the environment variable {@code ATTUNE_NAME_OF_SETTING}.
 */
public enum Setting {
  /** Which candidates launches take, as {@link Selection#only}. */
  KERNEL,
  /** The directory of the disk cache, or {@code off}. */
  CACHE,
  /** {@code off}: code is launched without having computed a known answer first. */
  SELF_TEST;

  /** The value that turns something off, in any case. */
  public static final String OFF = "off";

  /** The system property. */
  public String property() {
    return "attune." + name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The environment variable. */
  public String variable() {
    return "ATTUNE_" + name();
  }

  /** What it is set to; an empty value is none. */
  public Optional<String> value() {
    @Nullable String property = System.getProperty(property());
    return Optional.ofNullable(property != null ? property : System.getenv(variable()))
        .filter(v -> !v.isEmpty());
  }

  /** Whether it is set to {@code off}. */
  public boolean isOff() {
    return value().filter(OFF::equalsIgnoreCase).isPresent();
  }
}
