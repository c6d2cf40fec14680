/** Tests of the NBD server. */
@NullMarked
package storage.cairn.engine.nbd;

import org.jspecify.annotations.NullMarked;
