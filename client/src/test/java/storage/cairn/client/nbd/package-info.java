/** Tests of {@code storage.cairn.client.nbd}. */
@NullMarked
package storage.cairn.client.nbd;

import org.jspecify.annotations.NullMarked;
