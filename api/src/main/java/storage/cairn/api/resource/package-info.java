/**
 * Cairn's resources in Kubernetes: group {@code cairn.storage}, version {@code v1alpha1}, all of them cluster-scoped.
 * Their definitions in {@code charts/cairn} are generated from these classes; {@code docs/resources.md} explains them.
 */
@NullMarked
package storage.cairn.api.resource;

import org.jspecify.annotations.NullMarked;
