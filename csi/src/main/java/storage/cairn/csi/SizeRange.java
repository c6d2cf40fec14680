package storage.cairn.csi;

import io.grpc.Status;
import storage.cairn.api.resource.Api;
import storage.cairn.csi.spec.CapacityRange;

/** The size that a request asks for, as volumes have it: a multiple of 4 KiB, from 1 MiB to 240 TiB. Bytes. */
final class SizeRange {
    static final long MIN_BYTES = Api.MIN_VOLUME_BYTES;
    static final long USUAL_BYTES = 1L << 30;
    static final long MAX_BYTES = Api.MAX_VOLUME_BYTES;
    private static final long BLOCK_BYTES = 4096;

    private SizeRange() {}

    /** The smallest size in the range; of a request that names none, 1 GiB, or the most that it allows. */
    static long choose(CapacityRange range) {
        long required = range.getRequiredBytes();
        long limit = range.getLimitBytes();
        if (required < 0 || limit < 0) {
            throw CsiException.invalid("capacity_range is negative: " + required + " to " + limit + " bytes");
        }
        if (limit != 0 && required > limit) {
            throw CsiException.invalid("required_bytes " + required + " is more than limit_bytes " + limit);
        }
        long size;
        if (required == 0) {
            size = limit == 0 ? USUAL_BYTES : Math.min(USUAL_BYTES, limit / BLOCK_BYTES * BLOCK_BYTES);
        } else if (required > MAX_BYTES) {
            throw outOfRange(required + " bytes are more than the " + MAX_BYTES + " that a volume may have");
        } else {
            size = Math.max(MIN_BYTES, Math.ceilDiv(required, BLOCK_BYTES) * BLOCK_BYTES);
        }
        if ((limit != 0 && size > limit) || size < MIN_BYTES) {
            throw outOfRange("a volume has a multiple of " + BLOCK_BYTES + " bytes and at least " + MIN_BYTES
                    + ": there is none from " + required + " to " + limit);
        }
        return size;
    }

    /** Whether a volume of this size is what the request asks for. */
    static boolean matches(CapacityRange range, long sizeBytes) {
        long limit = range.getLimitBytes();
        return sizeBytes >= range.getRequiredBytes() && (limit == 0 || sizeBytes <= limit);
    }

    private static CsiException outOfRange(String message) {
        return new CsiException(Status.Code.OUT_OF_RANGE, message);
    }
}
