/** A load on a volume that knows what every block must hold, and says so when it does not. */
@NullMarked
package storage.cairn.client.load;

import org.jspecify.annotations.NullMarked;
