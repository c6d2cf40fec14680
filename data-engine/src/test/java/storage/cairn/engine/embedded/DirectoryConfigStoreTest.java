package storage.cairn.engine.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.ThreadClock;

final class DirectoryConfigStoreTest extends ConfigStoreContract {
    private static final UUID CLUSTER = UUID.randomUUID();

    @TempDir
    Path directory;

    private final ThreadClock loop = new ThreadClock();
    private final List<String> problems = new CopyOnWriteArrayList<>();
    private final List<DirectoryConfigStore> engines = new ArrayList<>();

    @BeforeEach
    void open() throws IOException {
        for (int i = 0; i < 2; i++) {
            engines.add(DirectoryConfigStore.open(directory, CLUSTER, loop, problems::add));
        }
    }

    @AfterEach
    void close() throws IOException {
        for (DirectoryConfigStore engine : engines) {
            engine.close();
        }
        loop.close();
    }

    @Override
    protected ConfigStore engine(int number) {
        return engines.get(number - 1);
    }

    @Override
    protected <T> T ask(Consumer<ConfigStore.Answer<T>> question) {
        return loop.ask(Duration.ofMinutes(2), answer -> question.accept(answer::accept));
    }

    private Written set(long expected, Configuration value) {
        return ask(answer -> engine(1).compareAndSet(value.volume(), expected, value, answer));
    }

    private Path file(Configuration value, int version) {
        return directory.resolve("volumes/" + value.volume() + "/%016d.json".formatted(version));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aStoreWhoseFilesystemIsGoneFromItsPlaceIsUnavailableAndNotEmpty(boolean folderLeft) throws IOException {
        Configuration volume = configuration("kept");
        set(Versioned.NONE, volume);
        Path elsewhere = directory.resolveSibling(directory.getFileName() + "-elsewhere");
        Files.move(directory, elsewhere);
        if (folderLeft) {
            Files.createDirectories(directory);
        }
        Read read = ask(answer -> engine(1).get(volume.volume(), answer));
        Listed listed = ask(answer -> engine(2).list(answer));
        Written written = set(1, next(volume, false));
        Files.deleteIfExists(directory);
        Files.move(elsewhere, directory);
        assertThat(read).isInstanceOf(Read.Unavailable.class);
        assertThat(listed).isInstanceOf(Listed.Unavailable.class);
        assertThat(written).isInstanceOf(Written.Refused.class);
        assertThat(ask((ConfigStore.Answer<Read> answer) -> engine(1).get(volume.volume(), answer)))
                .isInstanceOf(Read.Found.class);
        assertThat(set(1, next(volume, false))).isEqualTo(new Written.Applied(2));
    }

    @Test
    void everyFlippedOrMissingByteIsRefusedByNameAndNothingOlderIsUsed() throws IOException {
        Configuration first = configuration("fragile");
        set(Versioned.NONE, first);
        set(1, next(first, false));
        Path current = file(first, 2);
        byte[] whole = Files.readAllBytes(current);
        for (int i = 0; i < whole.length; i += 7) {
            byte[] flipped = whole.clone();
            flipped[i] ^= 0x10;
            Files.write(current, flipped);
            assertRefused(first, current);
            Files.write(current, java.util.Arrays.copyOf(whole, i));
            assertRefused(first, current);
        }
        Files.write(current, whole);
        assertThat((Object) this.<Read>ask(answer -> engine(2).get(first.volume(), answer)))
                .isInstanceOf(Read.Found.class);
    }

    private void assertRefused(Configuration value, Path file) {
        Read read = ask(answer -> engine(2).get(value.volume(), answer));
        assertThat(read)
                .isInstanceOfSatisfying(
                        Read.Unavailable.class,
                        unavailable -> assertThat(unavailable.reason()).contains(file.toString()));
        Written written = set(2, next(next(value, false), false));
        assertThat(written).isInstanceOf(Written.Refused.class);
    }

    @Test
    void oneDamagedVolumeIsReportedAndHidesNoOther() throws IOException {
        Configuration good = configuration("good");
        Configuration bad = configuration("bad");
        set(Versioned.NONE, good);
        set(Versioned.NONE, bad);
        Files.write(file(bad, 1), new byte[] {1, 2, 3});
        Listed listed = ask(answer -> engine(2).list(answer));
        assertThat(((Listed.All) listed).volumes()).containsExactly(new Versioned(1, good));
        assertThat(problems)
                .anySatisfy(problem -> assertThat(problem).contains(file(bad, 1).toString()));
    }

    @Test
    void oldVersionsAndTemporariesDoNotPileUp() throws IOException {
        Configuration value = configuration("busy");
        set(Versioned.NONE, value);
        for (int version = 1; version < 100; version++) {
            value = next(value, false);
            assertThat(set(version, value)).isEqualTo(new Written.Applied(version + 1L));
        }
        try (Stream<Path> files = Files.list(directory.resolve("volumes/" + value.volume()))) {
            assertThat(files.count()).isLessThan(40);
        }
        assertThat(directory.resolve("temporary")).isEmptyDirectory();
    }

    @Test
    void badNamesAndRenamesAreRefused() {
        for (String name : List.of("", "A", "-a", "a-", "a/b", "..", "a".repeat(64))) {
            assertThat(set(Versioned.NONE, configuration(name))).as(name).isInstanceOf(Written.Refused.class);
        }
        Configuration value = configuration("before");
        set(Versioned.NONE, value);
        Configuration other = next(configuration("after"), false);
        Configuration renamed = new Configuration(
                value.volume(),
                "after",
                1,
                2,
                UUID.randomUUID(),
                null,
                other.inSync(),
                List.of(),
                List.of(),
                1,
                4096,
                null,
                false,
                false);
        assertThat(set(1, renamed)).isInstanceOf(Written.Refused.class);
    }

    @Test
    void theNameOfACreatorThatDiedIsTakenAndItsVolumeCanNeverComeToBe() throws Exception {
        Configuration died = configuration("wanted");
        Register name = new Register(directory.resolve("names/wanted"), temporaries());
        assertThat(name.replace(0, ConfigurationJson.name(new ConfigurationJson.NameClaim("wanted", died.volume()))))
                .isEqualTo(Register.Outcome.APPLIED);
        Configuration other = configuration("wanted");
        assertThat(set(Versioned.NONE, other)).isInstanceOf(Written.Applied.class);
        assertThat(set(Versioned.NONE, died)).isEqualTo(new Written.Conflict());
        assertThat((Object) this.<Read>ask(answer -> engine(1).get(died.volume(), answer)))
                .isEqualTo(new Read.Absent());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 15, 16, 20})
    void aWriterThatStoodStillForManyVersionsIsNeverToldItWon(int startedFrom) throws Exception {
        Path register = directory.resolve("names/slow");
        Register others = new Register(register, temporaries());
        advance(others, 0, startedFrom);
        Register slow = new Register(register, new Temporaries(directory.resolve("temporary")) {
            @Override
            Path write(byte[] content) throws IOException {
                advance(others, startedFrom, 100);
                return super.write(content);
            }
        });
        assertThat(slow.replace(startedFrom, new Envelope("name", new byte[] {1})))
                .isEqualTo(Register.Outcome.UNKNOWN);
        assertThat(others.read()).extracting(Register.Entry::version).isEqualTo(100L);
    }

    private static void advance(Register register, int from, int to) throws IOException {
        try {
            for (int version = from; version < to; version++) {
                register.replace(version, new Envelope("name", new byte[] {(byte) version}));
            }
        } catch (Register.NotAppliedException e) {
            throw new IOException(e);
        }
    }

    private Temporaries temporaries() {
        return new Temporaries(directory.resolve("temporary"));
    }

    @Test
    void theStoreOfAnotherClusterIsRefused() {
        assertThatThrownBy(() -> DirectoryConfigStore.open(directory, UUID.randomUUID(), loop, problems::add))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("belongs to cluster " + CLUSTER);
    }

    @Test
    void unknownContentAndUnknownFormatsAreRefused() throws IOException {
        Configuration value = configuration("strange");
        set(Versioned.NONE, value);
        byte[] json = ConfigurationJson.volume(value).json();
        String more = new String(json, java.nio.charset.StandardCharsets.UTF_8).replaceFirst("\\{", "{\"new\":1,");
        Files.write(
                file(value, 1),
                new Envelope("volume", more.getBytes(java.nio.charset.StandardCharsets.UTF_8)).encode());
        assertRefused(value, directory.resolve("volumes/" + value.volume()));
        byte[] later = ConfigurationJson.volume(value).encode();
        later["cairn-config ".length()] = '2';
        Files.write(file(value, 1), later);
        assertRefused(value, file(value, 1));
    }

    @Test
    void afterItsCloseEveryCallIsAnsweredAsUnavailable() throws IOException {
        engines.get(0).close();
        assertThat((Object) this.<Read>ask(
                        answer -> engine(1).get(configuration("a").volume(), answer)))
                .isInstanceOf(Read.Unavailable.class);
        assertThat(set(Versioned.NONE, configuration("a"))).isInstanceOf(Written.Refused.class);
    }
}
