/** Owner and replica sides of a replicated volume. Pure: knows {@code protocol}, {@code store} and {@code port}. */
@NullMarked
package storage.cairn.engine.replication;

import org.jspecify.annotations.NullMarked;
