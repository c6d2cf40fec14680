/** The simulator: plays every port in one thread, on a virtual clock, from a seed. */
@NullMarked
package storage.cairn.engine.sim;

import org.jspecify.annotations.NullMarked;
