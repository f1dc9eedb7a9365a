/** Where the project may keep files of its own that are run as code. */
@NullMarked
package dev.attune.ptx.files;

import org.jspecify.annotations.NullMarked;
