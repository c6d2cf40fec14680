package storage.cairn.replicamanager.failover;

import java.util.List;

/** What failover does to the world. Each either happened, or throws: then nothing that comes after it is done. */
interface Hands {
    /** It did not happen, or nobody knows whether it did. */
    final class Failed extends Exception {
        private static final long serialVersionUID = 1;

        Failed(String message) {
            super(message);
        }
    }

    /**
     * A pod on a node.
     *
     * @param uid so that never another pod of its name is meant
     */
    record Victim(String namespace, String name, String uid, Ending ending) {}

    /** Whether somebody asked a pod to end already. */
    enum Ending {
        NOT_ASKED,
        UNDER_WAY,
        OVERDUE
    }

    /** Reads kubelet's Lease of a node from the store itself, and knocks at its machine. */
    void confirm(String node) throws Failed;

    /** Ids of the volumes that a node's engine owns. */
    List<String> owned(int number) throws Failed;

    /** Raises the volume's epoch and takes it from that node, so that whatever it still sends is refused. */
    void fence(String volume, int number) throws Failed;

    /** Puts our NoSchedule taint on the node. */
    void taint(String node) throws Failed;

    /** Takes our taint away. */
    void untaint(String node) throws Failed;

    /**
     * Lets no pod of ours on the node count as ready, so that nobody is sent there through a Service: the API server would
     * wait there for our webhook with each pod that is made anew. Kubelet says it anew when it is back.
     */
    void unready(String node) throws Failed;

    /** Pods on the node that use volumes of ours, but for those that are labelled to be left alone. */
    List<Victim> victims(String node) throws Failed;

    /**
     * Deletes this very pod.
     *
     * @param force without waiting for kubelet, which does not answer
     */
    void delete(Victim pod, boolean force) throws Failed;

    /** Tells people, as an event of the node. */
    void tell(String node, String reason, String message, boolean warning);
}
