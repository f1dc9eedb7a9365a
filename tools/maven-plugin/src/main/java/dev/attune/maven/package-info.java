/**
 * The Maven plugin: says what is to be generated, and starts a JDK 25 that does it. Runs in Maven's
 * own JVM, of 17 or later, and sees no other package of Attune.
 */
@NullMarked
package dev.attune.maven;

import org.jspecify.annotations.NullMarked;
