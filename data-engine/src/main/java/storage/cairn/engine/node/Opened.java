package storage.cairn.engine.node;

import java.util.ArrayDeque;
import java.util.Deque;
import storage.cairn.engine.port.Log.Level;

/** What was opened, to be closed in the reverse order; an error of one keeps no other open. */
final class Opened implements AutoCloseable {
    private final Deque<Part> parts = new ArrayDeque<>();

    private record Part(String name, AutoCloseable part) {}

    <T extends AutoCloseable> T add(String name, T part) {
        parts.push(new Part(name, part));
        return part;
    }

    @Override
    public void close() {
        while (!parts.isEmpty()) {
            Part next = parts.pop();
            try {
                next.part.close();
            } catch (Exception e) {
                EngineLog.event(Level.WARN, "NotClosed", next.name + ": " + e);
            }
        }
    }
}
