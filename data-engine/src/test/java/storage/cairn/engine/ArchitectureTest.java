package storage.cairn.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds the rooms of the engine apart: a room knows only the rooms below it that are named here. */
final class ArchitectureTest {
    private static final String ROOT = "storage.cairn.engine.";

    private static final JavaClasses ENGINE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("storage.cairn.engine");

    /** Each room with the rooms it may know. The table of docs/architecture.md says the same. */
    private static final Map<String, List<String>> KNOWS = Map.ofEntries(
            Map.entry("port", List.of()),
            Map.entry("posix", List.of()),
            Map.entry("protocol", List.of("port")),
            Map.entry("store", List.of("port")),
            Map.entry("io", List.of("port", "posix")),
            Map.entry("embedded", List.of("port")),
            Map.entry("kube", List.of("port")),
            Map.entry("replication", List.of("port", "protocol", "store")),
            Map.entry("net", List.of("port", "protocol", "io")),
            Map.entry("nbd", List.of("port", "replication", "io")),
            Map.entry(
                    "node",
                    List.of(
                            "port",
                            "posix",
                            "protocol",
                            "store",
                            "io",
                            "embedded",
                            "kube",
                            "replication",
                            "net",
                            "nbd")));

    static List<String> rooms() {
        return new ArrayList<>(KNOWS.keySet());
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void knowsOnlyTheRoomsNamedForIt(String room) {
        List<String> allowed = new ArrayList<>(List.of(ROOT + room));
        KNOWS.get(room).forEach(known -> allowed.add(ROOT + known));
        String[] forbidden = KNOWS.keySet().stream()
                .map(other -> ROOT + other)
                .filter(other -> !allowed.contains(other))
                .toArray(String[]::new);
        if (forbidden.length > 0) {
            check(noClasses()
                    .that()
                    .resideInAPackage(ROOT + room)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(forbidden)
                    .as(room + " knows only " + KNOWS.get(room)));
        }
    }

    @Test
    void everyRoomIsInTheTable() {
        check(classes()
                .should()
                .resideInAnyPackage(
                        KNOWS.keySet().stream().map(room -> ROOT + room).toArray(String[]::new))
                .because("a new room needs its place in the order"));
    }

    @Test
    void theCoreIsPure() {
        check(noClasses()
                .that()
                .resideInAnyPackage(ROOT + "port", ROOT + "store", ROOT + "replication", ROOT + "protocol")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "io.netty..",
                        "io.grpc..",
                        "jnr..",
                        "java.net..",
                        "java.nio.channels..",
                        "java.nio.file..",
                        "java.util.concurrent..",
                        "org.apache.logging..",
                        "java.time..")
                .because("the simulator runs these very classes in one thread on a virtual clock"));
    }

    @Test
    void theCoreReadsNoClockAndNoChance() {
        for (String method : List.of("nanoTime", "currentTimeMillis")) {
            check(noClasses()
                    .that()
                    .resideInAnyPackage(ROOT + "port", ROOT + "store", ROOT + "replication", ROOT + "protocol")
                    .should()
                    .callMethod(System.class, method)
                    .because("time comes from port.Clock, or a seed would not replay"));
        }
        check(noClasses()
                .that()
                .resideInAnyPackage(ROOT + "port", ROOT + "store", ROOT + "replication", ROOT + "protocol")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.util.Random")
                .because("chance comes from the generator given, or a seed would not replay"));
        check(noClasses()
                .that()
                .resideInAnyPackage(ROOT + "port", ROOT + "store", ROOT + "replication", ROOT + "protocol")
                .should()
                .callMethod(java.util.UUID.class, "randomUUID")
                .because("chance comes from the generator given, or a seed would not replay"));
    }

    @Test
    void onlyPosixBindsNativeFunctions() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "posix")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jnr..")
                .because("a wrong address there ends the process: the binding stays in one place"));
    }

    @Test
    void onlyTheStoreEncodesWithChronicle() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "store")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("net.openhft..")
                .because("its flags and its Unsafe are the price of the on-disk codecs alone"));
    }

    @Test
    void onlyTheConfigurationStoreOnKubernetesKnowsItsApi() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + "kube")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.fabric8..", "storage.cairn.api.resource..", "storage.cairn.api.register..")
                .because("an engine also runs where there is no Kubernetes"));
    }

    private static void check(ArchRule rule) {
        rule.allowEmptyShould(true).check(ENGINE);
    }
}
