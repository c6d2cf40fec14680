package storage.cairn.engine.node;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.engine.port.Log;

/** Writes the core's events as {@code key=value} lines. */
final class EngineLog implements Log {
    private static final Logger LOG = LogManager.getLogger("cairn");

    /**
     * A line of the process itself, about no volume.
     *
     * @param event short fixed name of what happened
     */
    static void event(Level level, String event, String detail) {
        LOG.log(log4j(level), "event={} {}", event, clean(detail));
    }

    static void error(String event, String detail, Throwable cause) {
        LOG.error("event=" + event + " " + clean(detail), cause);
    }

    @Override
    public void event(Level level, String subject, long epoch, String event, String detail) {
        if (epoch > 0) {
            LOG.log(log4j(level), "event={} volume={} epoch={} {}", event, clean(subject), epoch, clean(detail));
        } else {
            LOG.log(log4j(level), "event={} subject={} {}", event, clean(subject), clean(detail));
        }
    }

    private static org.apache.logging.log4j.Level log4j(Level level) {
        return switch (level) {
            case DEBUG -> org.apache.logging.log4j.Level.DEBUG;
            case INFO -> org.apache.logging.log4j.Level.INFO;
            case WARN -> org.apache.logging.log4j.Level.WARN;
            case ERROR -> org.apache.logging.log4j.Level.ERROR;
        };
    }

    /** One event is one line, whatever a peer or a file put into the text. */
    private static String clean(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < ' ') {
                return text.replaceAll("\\p{Cntrl}+", " ");
            }
        }
        return text;
    }
}
