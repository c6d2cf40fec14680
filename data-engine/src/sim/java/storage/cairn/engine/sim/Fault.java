package storage.cairn.engine.sim;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Everything that a simulated world can do to the code in it. The names are those of {@code --faults}. */
public enum Fault {
    /** A power cut: volatile writes survive in part, torn at 512 bytes, operations under way never complete. */
    POWER_CUT(Room.PROCESS),
    /** A process dies; what the kernel has of it survives and may still land. */
    KILL(Room.PROCESS),
    /** A process is asked to end and does so in its own way, then comes back. */
    CLEAN_RESTART(Room.PROCESS),
    /** A process stands still for 1 to 60 seconds. */
    PAUSE(Room.PROCESS),
    /** The clocks of two processes run at different speeds. */
    CLOCK_DRIFT(Room.PROCESS),
    /** The wall clock of a process is set to another time. */
    WALL_CLOCK_JUMP(Room.PROCESS),

    DISK_READ_ERROR(Room.DISK),
    DISK_WRITE_ERROR(Room.DISK),
    DISK_FLUSH_ERROR(Room.DISK),
    /** A single operation takes up to half a second. */
    DISK_SLOW(Room.DISK),
    /** The queue of the device is full for a while: everything waits. */
    DISK_STALL(Room.DISK),
    /** A write completes and changes nothing. */
    DISK_LOST_WRITE(Room.MEDIA),
    /** A write completes and lands elsewhere. */
    DISK_MISDIRECTED_WRITE(Room.MEDIA),
    /** A bit of something written turns. */
    DISK_ROT(Room.MEDIA),

    NET_DELAY(Room.NETWORK),
    /** A bit turns on the way, and no checksum of the transport notices. */
    NET_CORRUPTION(Room.NETWORK),
    /** A connection is reset between two frames. */
    NET_RESET(Room.NETWORK),
    /** A connection is reset in the middle of a frame. */
    NET_RESET_MID_FRAME(Room.NETWORK),
    /** A connection stays open and carries nothing any more, in one direction or both. */
    NET_HALF_OPEN(Room.NETWORK),
    /** Nothing passes between two nodes, in one direction or both, for a while. */
    NET_PARTITION(Room.NETWORK),
    /** A node reaches no other node and not the configuration store for a while; hosts still reach it. */
    NET_ISOLATED(Room.NETWORK),
    /** A reset is heard of by one side much later than by the other, so that a second connection comes before. */
    NET_LATE_CLOSE(Room.NETWORK),
    /** A connection is taken in much later than it was made, perhaps behind a newer one, with all that was sent on it. */
    NET_LATE_ACCEPT(Room.NETWORK),

    CONFIG_DELAY(Room.CONFIG),
    /** Somebody else changed the volume's value. */
    CONFIG_CONFLICT(Room.CONFIG),
    /** A compare-and-set is applied and its answer lost. */
    CONFIG_REPLY_LOST(Room.CONFIG),
    /** A compare-and-set is answered "unknown" and applied later, or not at all. */
    CONFIG_APPLIED_LATE(Room.CONFIG),
    /** The store does not answer for a while. */
    CONFIG_OUTAGE(Room.CONFIG),
    /** A read gives the value before the newest. The contract forbids it; no promise may rest on that. */
    CONFIG_STALE_READ(Room.CONFIG),
    /** The store forgets its newest changes. The contract forbids it; engines must stop rather than go on, until it is recovered from their disks. */
    CONFIG_ROLLED_BACK(Room.CONFIG);

    private final Room room;

    Fault(Room room) {
        this.room = room;
    }

    Room room() {
        return room;
    }

    /** As it is written on a command line: {@code net-reset}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The one with that {@link #label}. */
    static Fault of(String label) {
        for (Fault fault : values()) {
            if (fault.label().equals(label.toLowerCase(Locale.ROOT))) {
                return fault;
            }
        }
        throw new IllegalArgumentException("no fault is named '" + label + "'; there are: "
                + Arrays.stream(values()).map(Fault::label).collect(Collectors.joining(", ")));
    }

    /** What a fault befalls, and so what may be asserted under it. */
    enum Room {
        PROCESS,
        DISK,
        /** The medium lies: acked data stays only while another replica has it. */
        MEDIA,
        NETWORK,
        CONFIG
    }
}
