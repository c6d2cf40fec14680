package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.BlockDevice;

final class LedgerTest {
    private static final long SEED = 42;
    private final CrashLoad load = new CrashLoad(SEED, false);
    private final byte[][] disk = new byte[CrashLoad.VOLUME_BLOCKS][];

    @Test
    void acceptsADiskThatHoldsAllThatWasAcked() {
        perform(0, 200);

        assertThat(violations(ledger(ackedUpTo(200)))).isEmpty();
    }

    @Test
    void acceptsOperationsThatWereNotAcked() {
        perform(0, 220);

        assertThat(violations(ledger(ackedUpTo(200)))).isEmpty();
    }

    @Test
    void missesAnAckedWrite() {
        perform(0, 200);
        CrashLoad.Op last = lastWrite(200);
        disk[last.block()] = null;

        assertThat(violations(ledger(ackedUpTo(200)))).anyMatch(text -> text.contains("block " + last.block() + " "));
    }

    @Test
    void missesAnAckedWriteThatWasReplacedByAnOlderOne() {
        perform(0, 200);
        CrashLoad.Op last = lastWrite(200);
        disk[last.block()] = stamp(last.block(), 0);

        assertThat(violations(ledger(ackedUpTo(200)))).isNotEmpty();
    }

    @Test
    void seesBytesThatNobodyWrote() {
        perform(0, 200);
        CrashLoad.Op last = lastWrite(200);
        disk[last.block()][4095] ^= 1;

        assertThat(violations(ledger(ackedUpTo(200)))).anyMatch(text -> text.contains("nobody wrote"));
    }

    @Test
    void seesAnUnackedWriteOfWhichOnlyAPartIsThere() {
        perform(0, 200);
        long index = 200;
        while (load.op(index).kind() != CrashLoad.Kind.WRITE || load.op(index).count() < 2) {
            index++;
        }
        disk[load.op(index).block()] = stamp(load.op(index).block(), index);

        assertThat(violations(ledger(ackedUpTo(200)))).anyMatch(text -> text.startsWith("torn"));
    }

    @Test
    void whatWasFoundAfterACrashMustStayFoundAfterTheNext() {
        perform(0, 220);
        LedgerCheck first = check(ledger(ackedUpTo(200)));
        assertThat(first.violations()).isEmpty();
        assertThat(first.findings()).isNotEmpty();

        List<String> lines = ackedUpTo(200);
        lines.addAll(first.findings());
        lines.add("boot 43.");
        assertThat(violations(ledger(lines))).isEmpty();

        // The unacked operations that the first recovery showed are gone again.
        Arrays.fill(disk, null);
        perform(0, 200);
        assertThat(violations(ledger(lines))).isNotEmpty();
    }

    @Test
    void countsOnlyAsManyAcksAsAsked() {
        perform(0, 100);
        Ledger ledger = ledger(ackedUpTo(200));

        assertThat(check(ledger, 100).violations()).isEmpty();
        assertThat(check(ledger, 200).violations()).isNotEmpty();
    }

    @Test
    void refusesALineThatWasCutOff() {
        assertThatThrownBy(() -> ledger(List.of("boot 42.", "acked 1"))).hasMessageContaining("acked 1");
    }

    @Test
    void aLoadIsToldByItsSeed() {
        for (long index = 0; index < 1000; index++) {
            CrashLoad.Op op = load.op(index);
            assertThat(op).isEqualTo(new CrashLoad(SEED, false).op(index));
            assertThat(op.count()).isBetween(1, CrashLoad.MAX_BLOCKS);
            assertThat(op.block()).isBetween(0, CrashLoad.VOLUME_BLOCKS - op.count());
        }
        assertThat(load.op(7)).isNotEqualTo(new CrashLoad(SEED + 1, false).op(7));
    }

    private void perform(long from, long to) {
        for (long index = from; index < to; index++) {
            CrashLoad.Op op = load.op(index);
            for (int block = op.block(); block < op.block() + op.count(); block++) {
                disk[block] = op.kind() == CrashLoad.Kind.WRITE ? stamp(block, index) : null;
            }
        }
    }

    /** The last write before an operation, none of whose blocks was touched after it, nor is ever zeroed. */
    private CrashLoad.Op lastWrite(long before) {
        for (long index = before - 1; index >= 0; index--) {
            CrashLoad.Op op = load.op(index);
            boolean untouched = true;
            for (long later = index + 1; later < before; later++) {
                untouched &= !load.op(later).overlaps(op);
            }
            boolean mayBeZeroed = op.block() + op.count() > CrashLoad.VOLUME_BLOCKS * 7 / 8;
            if (untouched && !mayBeZeroed && op.kind() == CrashLoad.Kind.WRITE) {
                return op;
            }
        }
        throw new IllegalStateException("the load has no such write");
    }

    private static byte[] stamp(int block, long index) {
        ByteBuffer bytes = ByteBuffer.allocate(BlockDevice.BLOCK_BYTES);
        new Stamp(SEED, index, block, 0).writeTo(bytes, 0);
        return bytes.array();
    }

    private static List<String> ackedUpTo(int count) {
        List<String> lines = new ArrayList<>(List.of("boot " + SEED + "."));
        for (int index = 0; index < count; index++) {
            lines.add("acked " + index + ".");
        }
        return lines;
    }

    private static Ledger ledger(List<String> lines) {
        return Ledger.parse(lines, false);
    }

    private List<String> violations(Ledger ledger) {
        return check(ledger).violations();
    }

    private LedgerCheck check(Ledger ledger) {
        return check(ledger, ledger.acks());
    }

    private LedgerCheck check(Ledger ledger, int acks) {
        LedgerCheck check = new LedgerCheck(ledger, acks);
        for (int block = 0; block < disk.length; block++) {
            byte[] held = disk[block] == null ? new byte[BlockDevice.BLOCK_BYTES] : disk[block];
            check.holds(block, ByteBuffer.wrap(held), 0);
        }
        check.finish();
        return check;
    }
}
