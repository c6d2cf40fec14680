package storage.cairn.engine.fuzz;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Changes valid inputs at random, without knowing what the changes reach: the short exploration of every test run. */
final class Mutation {
    private static final int[] TELLING = {0, 1, 0x7f, 0x80, 0xff};
    private static final int MOST_CHANGES = 6;
    private static final int LONGEST_PIECE = 64;

    private Mutation() {}

    static byte[] of(byte[] seed, RandomGenerator random) {
        byte[] bytes = seed.clone();
        for (int left = 1 + random.nextInt(MOST_CHANGES); left > 0; left--) {
            bytes = once(bytes, random);
        }
        return bytes;
    }

    private static byte[] once(byte[] bytes, RandomGenerator random) {
        if (bytes.length == 0) {
            return new byte[] {(byte) random.nextInt(256)};
        }
        int at = random.nextInt(bytes.length);
        int piece = Math.min(1 + random.nextInt(LONGEST_PIECE), bytes.length - at);
        switch (random.nextInt(6)) {
            case 0 -> bytes[at] = (byte) random.nextInt(256);
            case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> bytes[at] = (byte) TELLING[random.nextInt(TELLING.length)];
            case 3 -> Arrays.fill(bytes, at, at + Math.min(piece, 8), (byte) TELLING[random.nextInt(TELLING.length)]);
            case 4 -> {
                byte[] shorter = Arrays.copyOf(bytes, bytes.length - piece);
                System.arraycopy(bytes, at + piece, shorter, at, bytes.length - at - piece);
                return shorter;
            }
            default -> {
                byte[] longer = Arrays.copyOf(bytes, bytes.length + piece);
                System.arraycopy(bytes, at, longer, at + piece, bytes.length - at);
                return longer;
            }
        }
        return bytes;
    }
}
