package storage.cairn.client.nbd;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Keeps what a client tells about its connections. */
public final class RecordingListener implements NbdClient.Listener {
    public final List<String> events = new CopyOnWriteArrayList<>();

    @Override
    public void connected(NbdUri uri) {
        events.add("connected " + uri);
    }

    @Override
    public void disconnected(NbdUri uri, String reason, int resend) {
        events.add("disconnected " + uri + ": " + reason);
    }

    @Override
    public void refused(NbdUri uri, String reason) {
        events.add("refused " + uri + ": " + reason);
    }

    public boolean saw(String part) {
        return events.stream().anyMatch(event -> event.contains(part));
    }
}
