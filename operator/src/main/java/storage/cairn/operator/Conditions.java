package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Conditions of a resource: the moment of the last transition stays until the status flips. */
final class Conditions {
    private static final int MAX_MESSAGE = 1_024;

    private final List<Condition> before;
    private final @Nullable Long generation;
    private final Instant now;
    private final List<Condition> after = new ArrayList<>();

    /** A condition whose status or reason is another one than before: worth an event. */
    record Turn(String type, boolean status, String reason, String message) {}

    private final List<Turn> turns = new ArrayList<>();

    Conditions(@Nullable List<Condition> before, @Nullable Long generation, Instant now) {
        this.before = before == null ? List.of() : before;
        this.generation = generation;
        this.now = now;
    }

    void set(String type, boolean status, String reason, String message) {
        String text = message.length() <= MAX_MESSAGE ? message : message.substring(0, MAX_MESSAGE - 3) + "...";
        String word = status ? "True" : "False";
        Condition old = before.stream()
                .filter(each -> type.equals(each.getType()))
                .findFirst()
                .orElse(null);
        String since = now.truncatedTo(ChronoUnit.SECONDS).toString();
        if (old == null || !word.equals(old.getStatus()) || !reason.equals(old.getReason())) {
            turns.add(new Turn(type, status, reason, text));
        }
        if (old != null && word.equals(old.getStatus())) {
            since = old.getLastTransitionTime();
        }
        after.add(new ConditionBuilder()
                .withType(type)
                .withStatus(word)
                .withReason(reason)
                .withMessage(text)
                .withObservedGeneration(generation)
                .withLastTransitionTime(since)
                .build());
    }

    /** Keeps what was said before of everything else. */
    void keepOthers() {
        for (Condition old : before) {
            if (after.stream().noneMatch(each -> each.getType().equals(old.getType()))) {
                after.add(old);
            }
        }
    }

    List<Condition> list() {
        return List.copyOf(after);
    }

    List<Turn> turns() {
        return List.copyOf(turns);
    }
}
