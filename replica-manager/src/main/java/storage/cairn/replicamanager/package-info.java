/** The replica manager: where the replicas of each volume are to be, and what people are told about them. */
@NullMarked
package storage.cairn.replicamanager;

import org.jspecify.annotations.NullMarked;
