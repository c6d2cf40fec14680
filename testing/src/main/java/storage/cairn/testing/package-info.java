/** What tests of several modules share. */
@NullMarked
package storage.cairn.testing;

import org.jspecify.annotations.NullMarked;
