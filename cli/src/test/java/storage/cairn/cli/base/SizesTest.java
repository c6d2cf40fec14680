package storage.cairn.cli.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SizesTest {
    @ParameterizedTest
    @CsvSource({"4096,4096", "4K,4096", "1MiB,1048576", "1.5 GiB,1610612736", "2tb,2199023255552", "0,0", "7B,7"})
    void readsWhatPeopleWrite(String text, long bytes) {
        assertThat(Sizes.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G", "-1", "1e9", "12 parsecs", "99999999999P", "1,5G", "0x10"})
    void refusesTheRestNamingIt(String text) {
        assertThatThrownBy(() -> Sizes.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + text + "'");
    }

    @ParameterizedTest
    @CsvSource({
        "0,0 B",
        "1023,1023 B",
        "1024,1 KiB",
        "1536,1.5 KiB",
        "1048575,1 MiB",
        "1073741824,1 GiB",
        "161061273600,150 GiB"
    })
    void writesShortly(long bytes, String text) {
        assertThat(Sizes.format(bytes)).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"0,0", "1023,1023", "67108864,64Mi", "1610612736,1536Mi", "1073741824,1Gi", "4611686018427387904,4096Pi"
    })
    void writesExactly(long bytes, String text) {
        assertThat(Sizes.exact(bytes)).isEqualTo(text);
    }

    @Test
    void whatIsWrittenIsReadBack() {
        for (long bytes = 1; bytes < 1L << 50; bytes *= 2) {
            assertThat(Sizes.parse(Sizes.format(bytes))).isEqualTo(bytes);
            assertThat(Sizes.parse(Sizes.exact(bytes + 4_096))).isEqualTo(bytes + 4_096);
        }
    }
}
