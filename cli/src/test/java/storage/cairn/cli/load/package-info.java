/** Tests of {@code storage.cairn.cli.load}. */
@NullMarked
package storage.cairn.cli.load;

import org.jspecify.annotations.NullMarked;
