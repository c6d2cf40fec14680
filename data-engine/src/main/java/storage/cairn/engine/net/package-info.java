/** Streams between engines on Netty. */
@NullMarked
package storage.cairn.engine.net;

import org.jspecify.annotations.NullMarked;
