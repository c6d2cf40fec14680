package storage.cairn.api.process;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.Set;

/** What a process that leads others does before it ends, so that the next one need not wait. */
public final class OrderlyEnd {
    /** Well below what kubelet gives a pod: a request to an API server that is away is made again for minutes. */
    private static final Duration IN_TIME = Duration.ofSeconds(15);

    private static final int UNPROCESSABLE = 422;
    private static final Set<Integer> ANOTHERS =
            Set.of(HttpURLConnection.HTTP_NOT_FOUND, HttpURLConnection.HTTP_CONFLICT, UNPROCESSABLE);

    private OrderlyEnd() {}

    /**
     * Runs it on a thread of its own; answers false when it is not over after 15 s, and is left to the end of the
     * process.
     */
    public static boolean inTime(Runnable inOrder) {
        Thread ending = Thread.ofPlatform().name("end").daemon().start(inOrder);
        try {
            return ending.join(IN_TIME);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /**
     * Takes the holder out of a Lease, if it is still this one: fabric8's elector writes a holder that is null, which
     * its patch leaves out, so that whoever comes next would wait until the Lease has run out.
     *
     * @throws KubernetesClientException when the API server does not answer, or refuses
     */
    public static void giveBack(KubernetesClient client, String namespace, String lease, String holder) {
        String path = "\"path\":\"/spec/holderIdentity\"";
        String operations =
                "[{\"op\":\"test\"," + path + ",\"value\":\"" + holder + "\"},{\"op\":\"remove\"," + path + "}]";
        try {
            client.leases().inNamespace(namespace).withName(lease).patch(PatchContext.of(PatchType.JSON), operations);
        } catch (KubernetesClientException e) {
            if (!ANOTHERS.contains(e.getCode())) {
                throw e;
            }
        }
    }
}
