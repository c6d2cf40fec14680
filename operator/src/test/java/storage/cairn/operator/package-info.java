@NullMarked
package storage.cairn.operator;

import org.jspecify.annotations.NullMarked;
