/** The messages between engines and the frames that carry them. Pure: knows nothing. */
@NullMarked
package storage.cairn.engine.protocol;

import org.jspecify.annotations.NullMarked;
