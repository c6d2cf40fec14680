/** Runs every decoder that reads from a network or a disk with inputs that nobody meant. */
@NullMarked
package storage.cairn.engine.fuzz;

import org.jspecify.annotations.NullMarked;
