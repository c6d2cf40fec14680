# Run by nbdsh: writes random 4 KiB blocks one after the other, goes on at the next URI when a connection breaks, and
# in the end reads every block back. An acked write must be there; one whose ack was lost may be there.
# Environment: URIS (separated by blanks), SECONDS, BLOCKS, STALL (longest time in seconds that one write may take).
import os, random, struct, sys, time

uris = os.environ["URIS"].split()
until = time.monotonic() + float(os.environ["SECONDS"])
blocks = int(os.environ["BLOCKS"])
longest = float(os.environ["STALL"])
random.seed(int(os.environ.get("SEED", "1")))
acked = {}      # block -> sequence
maybe = {}      # block -> sequences that were sent later and never acked
state = {"h": None, "next": 0, "said": ""}


def drop():
    state["h"] = None


def handle():
    while state["h"] is None:
        try:
            handle = nbd.NBD()
            handle.connect_uri(uris[state["next"] % len(uris)])
            state["h"] = handle
        except nbd.Error as e:
            if e.string != state["said"]:
                state["said"] = e.string
                print("cannot connect to %s: %s" % (uris[state["next"] % len(uris)], e.string), flush=True)
            state["next"] += 1
            if time.monotonic() > state["give_up"]:
                sys.exit("no node serves the volume any more")
            time.sleep(0.05)
    return state["h"]


def content(block, sequence):
    return struct.pack("<QQ", block, sequence) * 256


sequence, slowest = 0, 0
while time.monotonic() < until:
    sequence += 1
    block = random.randrange(blocks)
    began = time.monotonic()
    state["give_up"] = began + longest
    while True:
        try:
            handle().pwrite(content(block, sequence), block * 4096)
            break
        except nbd.Error as e:
            print("write failed: %s" % e.string, flush=True)
            drop()
            maybe.setdefault(block, []).append(sequence)
    acked[block] = sequence
    maybe.pop(block, None)
    slowest = max(slowest, time.monotonic() - began)
    if sequence == 1:
        print("writing", flush=True)

state["give_up"] = time.monotonic() + longest
for block, expected in sorted(acked.items()):
    while True:
        try:
            found = handle().pread(4096, block * 4096)
            break
        except nbd.Error as e:
            print("read failed: %s" % e.string, flush=True)
            drop()
    allowed = [expected] + maybe.get(block, [])
    if bytes(found) not in [content(block, s) for s in allowed]:
        sys.exit("block %d holds %r, written last was %r" % (block, struct.unpack("<QQ", found[:16]), allowed))
print("verified %d writes to %d blocks, slowest %.3f s" % (sequence, len(acked), slowest))
if slowest > longest:
    sys.exit("a write took %.1f s" % slowest)
