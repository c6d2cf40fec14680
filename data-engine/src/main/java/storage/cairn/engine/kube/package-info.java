/** The configuration store of a cluster on Kubernetes: its API server. */
@NullMarked
package storage.cairn.engine.kube;

import org.jspecify.annotations.NullMarked;
