/** Tests of {@code storage.cairn.client.load}. */
@NullMarked
package storage.cairn.client.load;

import org.jspecify.annotations.NullMarked;
