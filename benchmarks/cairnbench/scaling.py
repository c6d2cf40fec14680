"""How cost grows: with volumes, clients, a full disk, and overwrites. Prints the tables that docs/performance.md has."""
import os
import shutil
import socket
import struct
import time
import urllib.parse

from . import java, load, process, systems
from .process import Failure, say

VOLUME_MIB = 64
DEPTH = 32
WRITE = {"rw": "randwrite", "bs": "4k", "iodepth": DEPTH}
READ = {"rw": "randread", "bs": "4k", "iodepth": DEPTH}
FULL = 0.90
OVERWRITES = 1_000_000


class ManyVolumes(systems.Cluster):
    """A cluster with as many small volumes as are asked for; every node owns a third."""

    def __init__(self, folder, most):
        # A replica of each on every node, twice over for what overwrites keep until a checkpoint.
        super().__init__(folder, VOLUME_MIB, disk_mib=max(4096, 2 * most * VOLUME_MIB), volume=False)
        self.uris = []

    def open(self, count):
        if count > len(self.uris):
            out = java.run("storage.cairn.benchmarks.OpenVolumes", self.folder, str(len(self.uris)),
                           str(count - len(self.uris)), str(VOLUME_MIB))
            self.uris += out.split()

    def run_on(self, uris, job, options, seconds, mib, title):
        """One fio job for each volume, all at once, counted together."""
        command = ["fio", "--ioengine=nbd", "--thread", f"--rw={job['rw']}", f"--bs={job['bs']}", f"--size={mib}M",
                   "--norandommap", "--randrepeat=0", *options, "--group_reporting", "--output-format=json+",
                   "--status-interval=1", "--lat_percentiles=1", "--clat_percentiles=0"]
        for number, uri in enumerate(uris):
            command += [f"--name=j{number}", f"--uri={uri}"]
        cpu = process.cpu_seconds(self.pids())
        figures = load.run(command, title, seconds)
        figures["engine_cores"] = (process.cpu_seconds(self.pids()) - cpu) / figures["elapsed"]
        figures["client_cores"] = figures["client_cpu"] / figures["elapsed"]
        return figures


def timed(seconds, depth):
    return [f"--iodepth={depth}", "--time_based", f"--runtime={seconds}"]


def table(title, columns, rows):
    say("\n" + title)
    widths = [max(len(str(cell)) for cell in column) for column in zip(columns, *rows)]
    for cells in (columns, *rows):
        say("  ".join(str(cell).rjust(width) for cell, width in zip(cells, widths)))


def figures_row(name, figures, first):
    return [name, f"{figures['iops']:,.0f}", f"{figures['iops'] / max(first, 1e-9):.0%}", f"{figures['p50_us']:,.0f}",
            f"{figures['p99_us']:,.0f}", f"{figures.get('engine_cores', 0):.2f}", f"{figures['client_cores']:.2f}"]


COLUMNS = ["IOPS", "of the first", "p50 us", "p99 us", "engines", "client"]


def volumes(args, folder):
    """The same number of writes under way in all, spread over 1 to 500 volumes; each is filled first."""
    counts = [int(word) for word in args.volumes.split(",")]
    cluster = ManyVolumes(folder, max(counts))
    rows, idle, first = [], [], None
    try:
        cluster.start()
        for count in counts:
            before = len(cluster.uris)
            process.progress(f"opening {count - before} volumes")
            began = time.monotonic()
            cluster.open(count)
            opening = time.monotonic() - began
            for some in range(before, count, 50):
                cluster.run_on(cluster.uris[some:count][:50], {"rw": "write", "bs": "1m"}, ["--iodepth=1"], None,
                               VOLUME_MIB, "fill")
            if not before and args.warm_up:
                cluster.run_on(cluster.uris[:1], WRITE, timed(args.warm_up, DEPTH), args.warm_up, VOLUME_MIB, "warm-up")
            # fio has one job for each volume, so that 500 volumes have 500 writes under way at the least.
            alone = cluster.run_on(cluster.uris[:1], WRITE, timed(args.seconds, max(DEPTH, count)), args.seconds,
                                   VOLUME_MIB, "one volume")
            spread = cluster.run_on(cluster.uris[:count], WRITE, timed(args.seconds, max(1, DEPTH // count)),
                                    args.seconds, VOLUME_MIB, f"{count} volumes")
            first = first or alone["iops"]
            rows.append(figures_row(f"1 of {count}, depth {max(DEPTH, count)}", alone, alone["iops"]))
            rows.append(figures_row(f"{count}, depth {max(1, DEPTH // count)} each", spread, alone["iops"]))
            idle.append([count, f"{idle_percent(cluster, args.seconds):.2f} %",
                         f"{max(process.resident_mib(cluster.pids()))} MiB",
                         f"{1000 * opening / max(1, count - before):.0f} ms"])
    finally:
        process.progress_done()
        with process.undisturbed():
            cluster.stop()
    table(f"4 KiB random writes on volumes of {VOLUME_MIB} MiB, {args.seconds} s", ["volumes", *COLUMNS], rows)
    table("the same volumes with a connection each and nothing to do",
          ["volumes", "CPU of the three engines", "largest engine", "to create and serve one"], idle)


class Connection:
    """An NBD connection that is open and asks for nothing (specification: "Newstyle negotiation")."""

    def __init__(self, uri):
        parts = urllib.parse.urlsplit(uri)
        path = urllib.parse.parse_qs(parts.query)["socket"][0]
        name = urllib.parse.unquote(parts.path.lstrip("/")).encode()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.take(18)
        # Flags: fixed newstyle, no zeroes. Option 1: the export of that name.
        self.socket.sendall(struct.pack(">IQII", 3, 0x49484156454F5054, 1, len(name)) + name)
        self.take(10)

    def take(self, count):
        while count:
            got = self.socket.recv(count)
            if not got:
                raise Failure("the engine closed an idle connection during the handshake")
            count -= len(got)

    def close(self):
        self.socket.close()


def idle_percent(cluster, seconds):
    """CPU of all engines, of one core, while every volume has a connection and nothing happens."""
    connections = []
    try:
        for uri in cluster.uris:
            connections.append(Connection(uri))
        process.progress("idle")
        # What the load left is not of the idle volumes: checkpoints and grants end first.
        time.sleep(2 + seconds)
        cpu, began = process.cpu_seconds(cluster.pids()), time.monotonic()
        time.sleep(2 * seconds)
        return 100 * (process.cpu_seconds(cluster.pids()) - cpu) / (time.monotonic() - began)
    finally:
        for connection in connections:
            connection.close()


def clients(args, folder):
    """1 to 64 connections to one volume with eight operations under way on each."""
    cluster = systems.Cluster(folder, args.mib)
    tables = {"randwrite": [], "randread": []}
    try:
        cluster.start()
        cluster.prepare("fill", args.mib)
        cluster.warm_up(args.mib, args.warm_up)
        for rw, rows in tables.items():
            first = None
            for count in (1, 4, 16, 64):
                job = {"rw": rw, "bs": "4k", "iodepth": 8, "numjobs": count}
                figures = cluster.measure(f"{count} clients", job, args.mib, args.seconds)
                first = first or figures["iops"]
                rows.append(figures_row(count, figures, first))
    finally:
        with process.undisturbed():
            cluster.stop()
    for rw, rows in tables.items():
        table(f"4 KiB {rw}, depth 8 on each connection, {args.mib} MiB, {args.seconds} s", ["clients", *COLUMNS], rows)


def full(args, folder):
    """Random writes to a fresh disk, to one that is 90 % full, and after a million random overwrites of that."""
    disk_mib = max(2048, args.mib)
    cluster = systems.Cluster(folder, 0, disk_mib=disk_mib, volume=False)
    small = disk_mib // 16
    rows = []
    try:
        cluster.start()
        cluster.mib = int(cluster.capacity_mib() * FULL)
        cluster.serve()
        load.fio(cluster.target(), ["--rw=write", "--bs=1M", "--iodepth=4", f"--size={small}M"], "fill a sixteenth")
        cluster.warm_up(small, args.warm_up)
        fresh = cluster.measure("fresh", WRITE, small, args.seconds)
        rows.append(figures_row("fresh", fresh, fresh["iops"]))
        cluster.prepare("fill", cluster.mib)
        here = cluster.measure("full", WRITE, small, args.seconds)
        rows.append(figures_row("90 % full, the same sixteenth", here, fresh["iops"]))
        everywhere = cluster.measure("full", WRITE, cluster.mib, args.seconds)
        rows.append(figures_row("90 % full, all over", everywhere, fresh["iops"]))
        load.fio(cluster.target(), ["--rw=randwrite", "--bs=4k", f"--iodepth={DEPTH}", f"--size={cluster.mib}M",
                                    "--norandommap", f"--number_ios={args.overwrites}",
                                    f"--io_size={args.overwrites * 4}k"],
                 f"{args.overwrites:,} random overwrites")
        after = cluster.measure("after", WRITE, cluster.mib, args.seconds)
        rows.append(figures_row(f"after {args.overwrites:,} overwrites", after, fresh["iops"]))
    finally:
        with process.undisturbed():
            cluster.stop()
    table(f"4 KiB random writes at depth {DEPTH} on disks of {disk_mib} MiB, {args.seconds} s", ["disk", *COLUMNS], rows)


def mapped(args, folder):
    """1 GiB to several TiB of mapped space: a store on a device that keeps only the index."""
    say("\n" + java.run("storage.cairn.engine.store.MappedSpace", *args.mapped.split(",")).rstrip())


KNOWN = {"volumes": volumes, "clients": clients, "full": full, "mapped": mapped}
# In each: the raw drive is not measured, every row is a ratio to the first of its table.
NEEDED_MIB = {"volumes": lambda args: 3 * max(4096, 2 * VOLUME_MIB * max(map(int, args.volumes.split(",")))),
              "clients": lambda args: systems.Cluster.needed_mib(args.mib),
              "full": lambda args: 3 * max(2048, args.mib), "mapped": lambda args: 0}


def run(args, work_folder):
    names = list(KNOWN) if args.scaling == "all" else args.scaling.split(",")
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        raise Failure(f"--scaling knows {', '.join(KNOWN)} and all, not {', '.join(unknown)}")
    load.check_fio("nbd")
    say(f"{systems.Cluster.durability}\nengines and client: CPU cores; of the first: IOPS as a share of the first row's")
    for name in names:
        folder = work_folder(args.dir or ".", NEEDED_MIB[name](args))
        try:
            KNOWN[name](args, folder)
        finally:
            with process.undisturbed():
                shutil.rmtree(folder, ignore_errors=True)
