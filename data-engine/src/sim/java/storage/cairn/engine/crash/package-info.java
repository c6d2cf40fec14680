/** Crash tests on real kernels: a load whose acks are written down, and the check of what a crash left of it. */
@NullMarked
package storage.cairn.engine.crash;

import org.jspecify.annotations.NullMarked;
