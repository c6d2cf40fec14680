package storage.cairn.cli.demo;

import java.util.ArrayList;
import java.util.List;

/** What the demo found out: each statement with its figures, and whether it held. */
final class Findings {
    private final List<Finding> all = new ArrayList<>();

    private record Finding(boolean held, String statement) {}

    void add(boolean held, String statement) {
        all.add(new Finding(held, statement));
    }

    boolean allHeld() {
        return !all.isEmpty() && all.stream().allMatch(Finding::held);
    }

    void show(Screen screen) {
        screen.heading("What was shown");
        for (Finding finding : all) {
            if (finding.held()) {
                screen.ok(finding.statement());
            } else {
                screen.wrong(finding.statement());
            }
        }
    }
}
