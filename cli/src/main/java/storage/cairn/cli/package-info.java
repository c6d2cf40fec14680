/** The {@code cairn} command: a client of the engines' control service, and the manager of a local cluster. */
@NullMarked
package storage.cairn.cli;

import org.jspecify.annotations.NullMarked;
