package storage.cairn.testing;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Lets whatever waits for a condition, and says no limit of its own, wait longer than a busy machine can hold up a
 * process. JUnit finds it by itself: {@code junit-platform.properties} says so.
 */
public final class Patience implements Extension, BeforeAllCallback {
    /** How long is waited at most for what should happen soon. A test that passes takes none of it. */
    public static final Duration LIMIT = Duration.ofMinutes(3);

    @Override
    public void beforeAll(ExtensionContext context) {
        Awaitility.setDefaultTimeout(LIMIT);
    }
}
