/** Keeps a local NBD socket served while the volume behind it goes from node to node. */
@NullMarked
package storage.cairn.client.relay;

import org.jspecify.annotations.NullMarked;
