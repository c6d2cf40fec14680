@NullMarked
package storage.cairn.campaign;

import org.jspecify.annotations.NullMarked;
