package storage.cairn.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Guards the binding against the known defect of jnr-ffi. */
final class LibCTest {
    @Test
    void noFunctionHasExactlySixIntegralParameters() {
        assertThat(sixIntegral(LibC.class)).isEmpty();
    }

    @Test
    void theGuardFindsSuchAFunction() {
        assertThat(sixIntegral(Broken.class)).containsExactly("broken");
    }

    private static List<String> sixIntegral(Class<?> binding) {
        List<String> found = new ArrayList<>();
        for (Method method : binding.getDeclaredMethods()) {
            if (method.getParameterCount() == 6
                    && Arrays.stream(method.getParameterTypes()).allMatch(Class::isPrimitive)) {
                found.add(method.getName());
            }
        }
        return found;
    }

    @SuppressWarnings("UnusedMethod")
    private interface Broken {
        int broken(int a, long b, int c, int d, int e, long f);
    }
}
