package storage.cairn.engine.node;

import java.nio.file.Path;
import storage.cairn.api.process.Signals;

/** An engine that acks before anything is durable. Whatever proves durability must find it out. */
public final class HastyEngineMain {
    public static void main(String[] args) throws Exception {
        EngineConfig config = ConfigLoader.engine(Path.of(args[1]));
        Logging.start(config);
        Engine engine = Engine.start(config, (loop, file) -> new HastyDevice(loop.device(file), loop));
        Signals.onTermination(engine::stop);
        System.out.println("ready");
        System.exit(engine.awaitEnd());
    }

    private HastyEngineMain() {}
}
