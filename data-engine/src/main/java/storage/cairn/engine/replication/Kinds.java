package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.protocol.ExtentMap;
import storage.cairn.engine.protocol.Held;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;
import storage.cairn.engine.store.Replica.Kind;
import storage.cairn.engine.store.Replica.TailEntry;

/** Translates between what the wire says and what the store says. The codes are part of the protocol. */
final class Kinds {
    private static final BlockState[] STATES = {BlockState.HOLE, BlockState.ZERO, BlockState.DATA};

    private Kinds() {}

    static Kind kind(int code) {
        return switch (code) {
            case 0 -> Kind.WRITE;
            case 1 -> Kind.ZERO;
            case 2 -> Kind.UNMAP;
            case 3 -> Kind.RESIZE;
            default -> throw new IllegalArgumentException("kind " + code);
        };
    }

    static int code(Kind kind) {
        return switch (kind) {
            case WRITE -> 0;
            case ZERO -> 1;
            case UNMAP -> 2;
            case RESIZE -> 3;
        };
    }

    static boolean isState(int code) {
        return code >= 0 && code < STATES.length;
    }

    static BlockState state(int code) {
        return STATES[code];
    }

    static int code(BlockState state) {
        return switch (state) {
            case HOLE -> 0;
            case ZERO -> 1;
            case DATA -> 2;
        };
    }

    static Held held(TailEntry entry) {
        return new Held(entry.epoch(), entry.wseq(), code(entry.kind()), entry.block(), entry.count());
    }

    static List<Held> held(List<TailEntry> tail) {
        List<Held> entries = new ArrayList<>(tail.size());
        for (TailEntry entry : tail) {
            entries.add(held(entry));
        }
        return entries;
    }

    static TailEntry entry(Held held) {
        return new TailEntry(held.epoch(), held.wseq(), kind(held.kind()), held.block(), held.count());
    }

    static ExtentMap map(ExtentContent content) {
        byte[] states = new byte[content.states().length];
        for (int i = 0; i < states.length; i++) {
            states[i] = (byte) code(content.states()[i]);
        }
        return new ExtentMap(states, content.crcs(), content.wseqLows(), content.maxWseq());
    }

    static ExtentContent content(ExtentMap map) {
        BlockState[] states = new BlockState[map.states().length];
        for (int i = 0; i < states.length; i++) {
            states[i] = state(map.states()[i]);
        }
        return new ExtentContent(states, map.crcs(), map.wseqLows(), map.maxWseq());
    }
}
