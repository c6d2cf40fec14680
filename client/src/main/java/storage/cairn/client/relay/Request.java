package storage.cairn.client.relay;

import storage.cairn.client.nbd.NbdCommand;

/**
 * One request of the device on its way.
 *
 * @param cookie by which the device knows it
 * @param first byte that it touches
 * @param end byte behind the last one; equal to {@code first} when it touches none
 * @param changes whether it changes bytes
 */
record Request(long cookie, long first, long end, boolean changes, NbdCommand command) {
    /** Whether the outcome depends on which of the two comes first. */
    boolean conflictsWith(Request other) {
        return (changes || other.changes) && first < other.end && other.first < end;
    }
}
