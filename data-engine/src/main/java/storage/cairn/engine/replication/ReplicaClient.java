package storage.cairn.engine.replication;

import storage.cairn.engine.port.Status;

/** Whoever has a replica's ear: the one owner's stream, or the owner on this very node. */
interface ReplicaClient {
    ReplicaClient NOBODY = new ReplicaClient() {
        @Override
        public void completed(ReplicaOp op, Status status) {}

        @Override
        public void superseded(String reason) {}

        @Override
        public void leaving() {}
    };

    /** An operation of this client ended; {@code op} is valid during this call only. */
    void completed(ReplicaOp op, Status status);

    /** Another client took its place, or the replica is gone: nothing more is accepted or answered. */
    void superseded(String reason);

    /** Its node shuts down: the replica serves on for a short while, so that its owner can take it out before. */
    void leaving();
}
