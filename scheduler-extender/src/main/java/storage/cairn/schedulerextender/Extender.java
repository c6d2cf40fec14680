package storage.cairn.schedulerextender;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.schedulerextender.Wire.Arguments;
import storage.cairn.schedulerextender.Wire.BadRequest;

/** Answers kube-scheduler's questions from the newest snapshot. */
final class Extender {
    private final Supplier<@Nullable Snapshot> snapshots;
    private final Claims claims;
    private final Waker waker;
    private final Figures figures;

    Extender(Supplier<@Nullable Snapshot> snapshots, Claims claims, Waker waker, Figures figures) {
        this.snapshots = snapshots;
        this.claims = claims;
        this.waker = waker;
        this.figures = figures;
    }

    byte[] filter(byte[] body) throws BadRequest {
        long began = System.nanoTime();
        Arguments arguments = Wire.arguments(body);
        List<Claim> ours = claims.of(arguments.pod());
        Snapshot snapshot = snapshots.get();
        if (ours.isEmpty()) {
            return Wire.filtered(arguments.nodes(), Map.of());
        }
        if (snapshot == null) {
            return Wire.refused("Cairn's scheduler extender has not read everything yet");
        }
        Map<String, String> refusals = new Decision(snapshot, ours).refusals(arguments.nodes());
        waker.filtered(arguments, refusals);
        Snapshot newer = snapshots.get();
        if (newer != null && newer != snapshot) {
            // It came before the pod was remembered, and may be the last for long.
            waker.changed(newer);
        }
        figures.filtered(arguments.nodes().size(), refusals.size(), System.nanoTime() - began);
        return Wire.filtered(arguments.nodes(), refusals);
    }

    byte[] prioritize(byte[] body) throws BadRequest {
        long began = System.nanoTime();
        Arguments arguments = Wire.arguments(body);
        List<Claim> ours = claims.of(arguments.pod());
        Snapshot snapshot = snapshots.get();
        if (ours.isEmpty() || snapshot == null) {
            return Wire.scored(arguments.nodes(), node -> 0);
        }
        Decision decision = new Decision(snapshot, ours);
        byte[] scores = Wire.scored(arguments.nodes(), decision::score);
        figures.prioritized(System.nanoTime() - began);
        return scores;
    }
}
