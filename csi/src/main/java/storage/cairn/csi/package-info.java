/**
 * The CSI driver: what Kubernetes asks of a storage system, answered with volumes of Cairn.
 *
 * <pre>
 * decisions without I/O   ClassParameters, AccessModes, SizeRange, VolumeNames, Room, MountTable, FilesystemGuard
 * services                IdentityService, ControllerService, NodeService, RegistrationService
 * what a node does        Staging, Publishing, Growing, over Filesystems, Commands and the client's Attachments
 * the outside             VolumeResources (Kubernetes), EngineControl (the engine of this node)
 * </pre>
 */
@NullMarked
package storage.cairn.csi;

import org.jspecify.annotations.NullMarked;
