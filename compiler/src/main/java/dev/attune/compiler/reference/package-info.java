/**
 * What a spec means, computed the plain way in binary64, and the judges that compare every other
 * executor with it: inputs that are hard on attention kernels, the accuracy gates, and tests whose
 * answer is known exactly. Sees only {@code compiler.spec}, so that it shares no step with what it
 * judges.
 */
@NullMarked
package dev.attune.compiler.reference;

import org.jspecify.annotations.NullMarked;
