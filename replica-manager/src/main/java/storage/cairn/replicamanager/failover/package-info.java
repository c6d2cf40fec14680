/**
 * Failover: gives the volumes and pods of a node that died to others. {@link
 * storage.cairn.replicamanager.failover.Judge} decides who is dead, by evidence; {@link
 * storage.cairn.replicamanager.failover.Failover} does what follows, in an order that no failure on the way can turn
 * into two writers.
 */
@NullMarked
package storage.cairn.replicamanager.failover;

import org.jspecify.annotations.NullMarked;
