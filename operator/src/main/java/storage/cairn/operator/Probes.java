package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.ProbeBuilder;

/**
 * How kubelet asks the control plane's containers. A JVM takes long to start where there is much to do, and to start it
 * anew for that would be more to do.
 */
final class Probes {
    private static final int START_SECONDS = 600;
    private static final int OFTEN_SECONDS = 2;
    private static final int SELDOM_SECONDS = 10;
    private static final int TIMEOUT_SECONDS = 5;
    private static final int FAILURES = 6;

    private final String port;
    private final String scheme;

    /**
     * @param port by its name
     * @param scheme HTTP or HTTPS
     */
    Probes(String port, String scheme) {
        this.port = port;
        this.scheme = scheme;
    }

    Probe startup(String path) {
        return probe(path, OFTEN_SECONDS, START_SECONDS / OFTEN_SECONDS);
    }

    Probe liveness(String path) {
        return probe(path, SELDOM_SECONDS, FAILURES);
    }

    Probe readiness(String path) {
        return probe(path, OFTEN_SECONDS, 2);
    }

    private Probe probe(String path, int periodSeconds, int failures) {
        return new ProbeBuilder()
                .withNewHttpGet()
                .withPath(path)
                .withPort(new IntOrString(port))
                .withScheme(scheme)
                .endHttpGet()
                .withPeriodSeconds(periodSeconds)
                .withTimeoutSeconds(TIMEOUT_SECONDS)
                .withFailureThreshold(failures)
                .build();
    }
}
