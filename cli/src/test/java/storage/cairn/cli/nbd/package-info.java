/** Tests of {@code storage.cairn.cli.nbd}. */
@NullMarked
package storage.cairn.cli.nbd;

import org.jspecify.annotations.NullMarked;
