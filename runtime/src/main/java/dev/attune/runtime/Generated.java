package dev.attune.runtime;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Marks a launcher that was generated from a {@code .attn} file. */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
public @interface Generated {

  /** The file, relative to the folder of sources. */
  String spec();

  /** Hexadecimal SHA-256 of the file. */
  String sha256();
}
