/** The operator: makes of a StorageCluster the engines and everything around them, and keeps it so. */
@NullMarked
package storage.cairn.operator;

import org.jspecify.annotations.NullMarked;
