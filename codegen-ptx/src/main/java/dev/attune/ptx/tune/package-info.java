/**
 * Schedules that were measured to be the fastest on a GPU: a table, its JSON text, and the tables
 * that ship. {@code attune tune} makes them; families read them.
 */
@NullMarked
package dev.attune.ptx.tune;

import org.jspecify.annotations.NullMarked;
