/** The extent store: one disk's replicas, durable and verified. Pure: knows nothing but {@code port}. */
@NullMarked
package storage.cairn.engine.store;

import org.jspecify.annotations.NullMarked;
