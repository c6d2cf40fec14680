/** The few POSIX calls that Java has no name for, by jnr-ffi. */
@NullMarked
package storage.cairn.engine.posix;

import org.jspecify.annotations.NullMarked;
