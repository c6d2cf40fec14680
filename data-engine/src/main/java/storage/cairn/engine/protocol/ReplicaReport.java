package storage.cairn.engine.protocol;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * What a replica holds, once everything submitted to it was drained: the answer to a replica stream's HELLO and to
 * EPOCH_SET.
 *
 * @param grantId names the stay of the replica's disk at its node: grants of another stay say nothing about this one
 * @param damaged whether acked writes may be missing
 * @param configuration the newest one that is durable there
 * @param tail everything applied above commitSeq, by rising wseq
 */
public record ReplicaReport(
        long grantId, boolean damaged, Configuration configuration, long commitSeq, long highestWseq, List<Held> tail) {
    public ReplicaReport {
        tail = List.copyOf(tail);
    }

    public FrameWriter write(FrameWriter out, FrameType type, long tag) {
        out.begin(type, tag).u64(grantId).flag(damaged);
        Configurations.write(out, configuration);
        out.u64(commitSeq).u64(highestWseq).u32(tail.size());
        for (Held held : tail) {
            held.write(out);
        }
        return out;
    }

    public static ReplicaReport read(FrameReader in) throws BadFrameException {
        long grantId = in.u64();
        boolean damaged = in.flag();
        Configuration configuration = Configurations.read(in);
        long commitSeq = in.natural();
        long highestWseq = in.natural();
        int count = in.count(Held.MAX_TAIL);
        List<Held> tail = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            tail.add(Held.read(in));
        }
        in.end();
        return new ReplicaReport(grantId, damaged, configuration, commitSeq, highestWseq, tail);
    }
}
