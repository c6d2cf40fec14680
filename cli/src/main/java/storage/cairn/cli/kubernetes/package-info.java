/** The {@code cairn} command with a kubeconfig: what a person asks of Cairn on Kubernetes. */
@NullMarked
package storage.cairn.cli.kubernetes;

import org.jspecify.annotations.NullMarked;
