/** The engine process: composition, life cycle, control service, metrics and health. */
@NullMarked
package storage.cairn.engine.node;

import org.jspecify.annotations.NullMarked;
