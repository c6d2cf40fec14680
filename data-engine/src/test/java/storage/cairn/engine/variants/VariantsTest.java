package storage.cairn.engine.variants;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Code that is broken on purpose: all of it still can be broken that way, and what shows soon is caught each time. */
final class VariantsTest {
    static Stream<Variant> all() throws IOException {
        return Variant.all(Search.variants()).stream();
    }

    static Stream<Variant> quick() throws IOException {
        return all().filter(variant -> variant.test() > 0);
    }

    /** Fails when the code has changed where a variant breaks it: the patch is to be written anew. */
    @ParameterizedTest
    @MethodSource("all")
    void appliesAndCompiles(Variant variant) throws Exception {
        assertThat(new Search(variant)).isNotNull();
    }

    @ParameterizedTest
    @MethodSource("quick")
    void isCaught(Variant variant) throws Exception {
        Search.Outcome outcome = new Search(variant).run(variant.test(), Double.MAX_VALUE);

        assertThat(outcome.by())
                .as("what caught " + variant.name() + " within " + outcome.seeds() + " seeds")
                .isNotNull();
    }

    @Test
    void aPlaceThatIsGoneOrThereTwiceIsRefused() {
        SourcePatch patch = SourcePatch.parse(List.of("--- a/x", "+++ b/x", "@@ @@", "-old", "+new"))
                .getFirst();

        assertThat(patch.apply("one\nold\ntwo\n")).isEqualTo("one\nnew\ntwo\n");
        assertThatThrownBy(() -> patch.apply("one\ntwo\n")).hasMessageContaining("no longer in x");
        assertThatThrownBy(() -> patch.apply("old\nold\n")).hasMessageContaining("more than once in x");
    }
}
