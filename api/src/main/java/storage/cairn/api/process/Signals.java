package storage.cairn.api.process;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Hears of SIGTERM and SIGINT each time they come, so that a process can end in order; a shutdown hook would hear of the
 * first only, nobody would wait for what it began, and the exit code would tell of the signal. The JDK offers that in a
 * package that compilers warn of, so it is reached by reflection.
 */
public final class Signals {
    private Signals() {}

    /**
     * @param heard called on a thread of the JVM for each signal
     */
    public static void onTermination(Runnable heard) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            MethodHandle run = MethodHandles.lookup()
                    .findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
                    .bindTo(heard);
            Object proxy =
                    MethodHandleProxies.asInterfaceInstance(handler, MethodHandles.dropArguments(run, 0, signal));
            for (String name : new String[] {"TERM", "INT"}) {
                signal.getMethod("handle", signal, handler)
                        .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JVM gives no signals to programs: use a JDK 25", e);
        }
    }
}
