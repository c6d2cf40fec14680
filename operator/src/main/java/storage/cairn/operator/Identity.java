package storage.cairn.operator;

/**
 * Who this cluster is: made once and kept beyond the StorageCluster, since every disk carries it.
 *
 * @param clusterId UUID on every disk
 * @param secret in hexadecimal, with which engines prove themselves to each other
 */
record Identity(String clusterId, String secret) {}
