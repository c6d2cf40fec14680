"""Other systems on the same machine, the same drive and, but for Longhorn, the same fio jobs.

Everything listens on loopback or a unix socket, keeps its files under its own folder, and is gone after `stop`.
"""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

from . import load, process
from .process import Failure
from .systems import System

HERE = os.path.dirname(os.path.realpath(__file__))
LONGHORN_MODULE = os.path.join(HERE, "..", "peers", "longhorn")
BUILT = os.path.join(HERE, "..", "..", "target", "peers")


def need(program, package):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/go/bin")
    if found is None:
        raise Failure(f"{program} is missing: install it (Debian: apt install --no-install-recommends {package})")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def free_ports(count):
    """Of consecutive ones, the first."""
    for _ in range(100):
        first = free_port()
        with contextlib.ExitStack() as taken:
            try:
                for port in range(first, first + count):
                    taken.enter_context(socket.create_server(("127.0.0.1", port)))
            except (OSError, OverflowError):
                continue
            return first
    raise Failure(f"no {count} consecutive free ports on loopback")


def wait_for(condition, what, seconds, processes=()):
    """Until a condition holds; a process that ends meanwhile ends the waiting."""
    end = time.monotonic() + seconds
    while not condition():
        for process_ in processes:
            if process_.poll() is not None:
                raise Failure(f"{what}: {process_.args[0]} ended with {process_.returncode}")
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class Peer(System):
    def __init__(self, mib):
        self.mib = mib
        self.folder = ""
        self.sockets = ""
        self.children = []

    def spawn(self, command, log, **options):
        """Starts a process that serves, its output in a file of the folder."""
        with open(os.path.join(self.folder, log), "ab") as out:
            self.children.append(process.start(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options))
        return self.children[-1]

    def pids(self):
        return [child.pid for child in self.children]

    def start(self):
        os.makedirs(self.folder)
        # The path of a socket has room for about 100 characters.
        self.sockets = tempfile.mkdtemp(prefix="cairn-bench-")

    def stop(self):
        for child in reversed(self.children):
            process.end(child)
        self.children = []
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)


class Nbdkit(Peer):
    """A plain file behind NBD."""

    name = "nbdkit"
    durability = "one copy in a file through the page cache; acked before it is durable"

    @staticmethod
    def needed_mib(mib):
        return mib

    def start(self):
        super().start()
        program = need("nbdkit", "nbdkit")
        disk = os.path.join(self.folder, "disk")
        with open(disk, "wb") as f:
            f.truncate(self.mib << 20)
        self.socket = os.path.join(self.sockets, "nbd")
        child = self.spawn([program, "--foreground", "--unix", self.socket, "file", disk], "nbdkit.log")
        wait_for(lambda: os.path.exists(self.socket), "nbdkit", 10, [child])

    def target(self):
        return ["--ioengine=nbd", f"--uri=nbd+unix:///?socket={self.socket}"]


CEPH_CONFIG = """[global]
fsid = {fsid}
monmap = {dir}/monmap
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
osd pool default size = 3
osd pool default min size = 2
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
osd memory target = 2147483648
mon allow pool size one = true
mon data = {dir}/mon
mgr data = {dir}/mgr
osd data = {dir}/osd$id
run dir = {sockets}
admin socket = {sockets}/$name
log file = {dir}/$name.log
crash dir = {dir}
bluestore block create = true
bluestore block size = {osd_bytes}
rbd cache = false
rbd default features = 5
"""


class Ceph(Peer):
    """Ceph RBD: one monitor, one manager and three BlueStore OSDs on files, a pool of size 3."""

    name = "ceph"
    copies = 3
    durability = "three BlueStore OSDs on files of one drive; acked when durable on all three; checksums on; no cache"
    fio_engine = "rbd"

    @staticmethod
    def needed_mib(mib):
        return 3 * Ceph.osd_mib(mib)

    @staticmethod
    def osd_mib(mib):
        # BlueStore keeps a share for itself; less than this it does not start well with.
        return 2 * mib + 4096

    def start(self):
        super().start()
        for program, package in (("ceph-mon", "ceph-mon"), ("ceph-osd", "ceph-osd"), ("ceph-mgr", "ceph-mgr"),
                                 ("ceph", "ceph-common"), ("rbd", "ceph-common"), ("monmaptool", "ceph-common")):
            need(program, package)
        fsid, port = str(uuid.uuid4()), free_port()
        self.config = os.path.join(self.folder, "ceph.conf")
        with open(self.config, "w") as f:
            f.write(CEPH_CONFIG.format(fsid=fsid, dir=self.folder, sockets=self.sockets,
                                       osd_bytes=self.osd_mib(self.mib) << 20))
        for entry in ("mon", "mgr"):
            os.mkdir(os.path.join(self.folder, entry))
        monmap = os.path.join(self.folder, "monmap")
        self.command("monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{port}]", "--fsid", fsid, monmap)
        self.command("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        monitor = self.spawn(["ceph-mon", "-i", "a", "-c", self.config, "-f"], "mon.out")
        wait_for(lambda: self.asks("status") is not None, "the Ceph monitor", 60, [monitor])
        self.spawn(["ceph-mgr", "-i", "x", "-c", self.config, "-f"], "mgr.out")
        for number in range(3):
            self.start_osd(number)
        wait_for(lambda: (self.asks("osd", "stat") or {}).get("num_up_osds") == 3, "the Ceph OSDs", 120, self.children)
        self.command("ceph", "osd", "pool", "create", "bench", "32", "32")
        self.command("ceph", "osd", "pool", "application", "enable", "bench", "rbd")
        self.command("rbd", "create", "--size", f"{self.mib}M", "bench/bench")
        wait_for(self.clean, "the placement groups of Ceph", 120, self.children)

    def start_osd(self, number):
        process.progress(f"ceph: making OSD {number}")
        os.mkdir(os.path.join(self.folder, f"osd{number}"))
        osd_uuid = str(uuid.uuid4())
        self.command("ceph", "osd", "new", osd_uuid, str(number))
        self.command("ceph-osd", "-i", str(number), "--mkfs", "--osd-uuid", osd_uuid)
        self.command("ceph", "osd", "crush", "add", f"osd.{number}", "1.0", "root=default", f"host=h{number}")
        self.spawn(["ceph-osd", "-i", str(number), "-c", self.config, "-f"], f"osd{number}.out")

    def command(self, program, *words):
        """Again when a client asked before it had heard from the monitor which cluster this is, and what it understands."""
        line = [program, *words] + (["-c", self.config] if program != "monmaptool" else [])
        for _ in range(9):
            try:
                return process.run(line, seconds=120)
            except Failure as e:
                if not any(early in str(e) for early in ("wrong fsid", "getting command descriptions")):
                    raise
        return process.run(line, seconds=120)

    def asks(self, *words):
        """A JSON answer of the monitor, or None while there is none."""
        try:
            return json.loads(process.run(["ceph", "-c", self.config, "--connect-timeout", "5", *words, "-f", "json"],
                                          seconds=20))
        except Failure:
            return None

    def clean(self):
        groups = (self.asks("status") or {}).get("pgmap", {})
        states = groups.get("pgs_by_state", [])
        return bool(states) and [state["state_name"] for state in states] == ["active+clean"]

    def target(self):
        return ["--ioengine=rbd", "--clientname=admin", "--pool=bench", "--rbdname=bench"]

    def environment(self):
        return {"CEPH_CONF": self.config}


class Longhorn(Peer):
    """The Longhorn engine v1: a controller and three replicas, at the socket that its own frontends use."""

    name = "longhorn"
    copies = 3
    durability = ("three replicas in files of one drive, O_DIRECT but never synced, so acked before it is durable; "
                  "no checksums")
    # Its protocol is not one that fio speaks; the loader of this folder runs the same jobs and prints the same.
    fio_engine = None
    volume = "cairnbench"

    @staticmethod
    def needed_mib(mib):
        return 3 * mib

    def can(self, job):
        return "its protocol has no flush" if "fsync" in job else None

    @staticmethod
    def build():
        """The engine from the Go module registry, and the loader; kept for the next run."""
        go = need("go", "golang libqcow-dev zlib1g-dev")
        os.makedirs(BUILT, exist_ok=True)
        for name, package in (("longhorn", "github.com/longhorn/longhorn-engine"), ("longhorn-load", "./load")):
            binary = os.path.join(BUILT, name)
            source = os.path.join(LONGHORN_MODULE, "load", "main.go")
            if not os.path.exists(binary) or os.path.getmtime(binary) < os.path.getmtime(source):
                process.progress(f"longhorn: building {name} (needs libqcow-dev and zlib1g-dev)")
                process.run([go, "build", "-mod=mod", "-o", binary, package], seconds=1200, cwd=LONGHORN_MODULE)

    def start(self):
        super().start()
        self.build()
        binary = os.path.join(BUILT, "longhorn")
        size = str(self.mib << 20)
        port = free_ports(70)
        replicas = []
        for number in range(3):
            address = f"127.0.0.1:{port + 10 + 20 * number}"
            child = self.spawn([binary, "--volume-name", self.volume, "replica",
                                os.path.join(self.folder, f"replica{number}"), "--listen", address, "--size", size,
                                "--sync-agent=false", "--disableRevCounter"], f"replica{number}.log")
            replicas += ["--replica", f"tcp://{address}"]
            for offset in (0, 1):
                self.wait_for_port(port + 10 + 20 * number + offset, child)
        self.socket = f"/var/run/longhorn-{self.volume}.sock"
        if os.path.exists(self.socket):
            raise Failure(f"{self.socket} is there: another Longhorn engine of this name runs, or was killed")
        child = self.spawn([binary, "controller", self.volume, "--frontend", "socket", "--size", size,
                            "--current-size", size, "--listen", f"127.0.0.1:{port}", "--disableRevCounter", *replicas],
                           "controller.log")
        wait_for(lambda: os.path.exists(self.socket), "the Longhorn controller", 30, [child])

    @staticmethod
    def wait_for_port(port, child):
        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_for(answers, f"the Longhorn replica at port {port}", 20, [child])

    def stop(self):
        started = len(self.children) == 4
        super().stop()
        if started and os.path.exists(self.socket):
            os.unlink(self.socket)

    def loader(self, job, mib, seconds, name):
        command = [os.path.join(BUILT, "longhorn-load"), "-socket", self.socket, "-mib", str(mib), "-rw", job["rw"],
                   "-bs", job["bs"], "-depth", str(job["iodepth"]), "-seconds", str(seconds),
                   "-connections", str(job.get("numjobs", 1)), "-mixread", str(job.get("rwmixread", 50))]
        return load.run(command, name, seconds or None)

    def run(self, name, job, mib, seconds):
        return self.loader(job, mib, seconds, name)

    def prepare(self, how, mib):
        job = ({"rw": "write", "bs": "1m", "iodepth": 4} if how == "fill"
               else {"rw": "randwrite", "bs": "4k", "iodepth": 32})
        # Without a time it ends when it has been over the whole volume.
        self.loader(job, mib, 0, f"{self.name}: {how}")


KNOWN = {peer.name: peer for peer in (Ceph, Longhorn, Nbdkit)}


def named(words, mib):
    """The peers of a list of names."""
    names = [word for word in words.split(",") if word]
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        raise Failure(f"no peer is called {', '.join(unknown)}; there are {', '.join(KNOWN)}")
    return [KNOWN[name](mib) for name in names]
