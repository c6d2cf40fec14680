/** The configuration store of one machine: a directory shared by its engines. */
@NullMarked
package storage.cairn.engine.embedded;

import org.jspecify.annotations.NullMarked;
