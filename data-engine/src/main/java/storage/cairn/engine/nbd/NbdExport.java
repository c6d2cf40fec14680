package storage.cairn.engine.nbd;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** An export that one connection opened: asks for it, waits no longer than allowed, and passes on that it was lost. */
final class NbdExport {
    /** Called once: this export, an option reply type ({@link NbdWire#REP_ACK} when it is open) and the reason. */
    interface Answer {
        void answer(NbdExport export, int reply, String reason);
    }

    private final NbdServer server;
    private final String name;
    private @Nullable HostVolume volume;
    private @Nullable NbdSession session;
    private @Nullable String lost;
    private @Nullable Answer pending;
    private boolean closed;

    NbdExport(NbdServer server, String name) {
        this.server = server;
        this.name = name;
    }

    String name() {
        return name;
    }

    /** The part of the name before the attachment. */
    String volumeName() {
        int slash = name.indexOf('/');
        return slash < 0 ? name : name.substring(0, slash);
    }

    HostVolume volume() {
        if (volume == null) {
            throw new IllegalStateException("export " + name + " is not open");
        }
        return volume;
    }

    /** Whether it is open, not lost, and of this name. */
    boolean usable(String wanted) {
        return volume != null && lost == null && name.equals(wanted);
    }

    void open(Answer answer) {
        if (NbdWire.bounded(name).length > Exports.MAX_NAME_BYTES) {
            server.clock()
                    .execute(() -> answer.answer(
                            this,
                            NbdWire.REP_ERR_UNKNOWN,
                            "an export name has at most " + Exports.MAX_NAME_BYTES + " bytes: volume/attachId"));
            return;
        }
        server.endGone(volumeName());
        pending = answer;
        long openMillis = server.settings().openMillis();
        Clock.Timer timer = server.clock().after(openMillis * 1_000_000, () -> {
            close();
            settle(
                    NbdWire.REP_ERR_SHUTDOWN,
                    "export " + name + " did not open within " + openMillis + " ms: try again, here or elsewhere");
        });
        server.exports().open(name, this::lost, outcome -> {
            timer.cancel();
            opened(outcome);
        });
    }

    private void opened(Exports.Opened outcome) {
        switch (outcome) {
            case Exports.Opened.Granted granted -> {
                if (closed) {
                    granted.volume().close();
                    return;
                }
                volume = granted.volume();
                if (lost != null) {
                    settle(NbdWire.REP_ERR_POLICY, lost);
                } else {
                    settle(NbdWire.REP_ACK, "");
                }
            }
            case Exports.Opened.Unknown unknown -> settle(NbdWire.REP_ERR_UNKNOWN, unknown.reason());
            case Exports.Opened.Refused refused -> settle(NbdWire.REP_ERR_POLICY, refused.reason());
        }
    }

    private void settle(int reply, String reason) {
        Answer answer = pending;
        pending = null;
        if (answer != null) {
            answer.answer(this, reply, reason);
        }
    }

    private void lost(Status status, String reason) {
        lost = "volume " + volumeName() + ": " + status + ", " + reason;
        if (session != null) {
            session.lost(lost);
        }
    }

    void servedBy(NbdSession now) {
        session = now;
    }

    /** Gives the volume up; an answer that comes later is given up as well. */
    void close() {
        if (!closed) {
            closed = true;
            if (volume != null) {
                volume.close();
            }
        }
    }
}
