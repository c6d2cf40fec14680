package storage.cairn.engine.replication;

import storage.cairn.engine.port.BufferPool;

/**
 * The pools of one engine. Each role has its own, so that two owners never wait for each other's memory. Frames that
 * arrive lie in buffers of the transport's own pool.
 *
 * @param owner for what an owner needs beside the host's buffers: read-modify-write and repair
 * @param replica for what a replica answers reads of other engines with; the owner role never uses it
 * @param background for rebuild and scrub
 */
public record NodeBuffers(BufferPool owner, BufferPool replica, BufferPool background) {}
