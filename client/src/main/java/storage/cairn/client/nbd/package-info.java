/** An NBD client that keeps many requests under way and goes on at another node when a connection ends. */
@NullMarked
package storage.cairn.client.nbd;

import org.jspecify.annotations.NullMarked;
