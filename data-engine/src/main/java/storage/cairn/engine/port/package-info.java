/** What the pure core asks of the world: time, randomness, disks, the network and the configuration store. */
@NullMarked
package storage.cairn.engine.port;

import org.jspecify.annotations.NullMarked;
