"""What a load is run on. Each says what its acks promise, since figures under different promises do not compare."""
import json
import os
import shutil
import stat
import subprocess

from . import load, process
from .process import Failure

HERE = os.path.dirname(os.path.realpath(__file__))
# Tests have a build of their own and run it in another way.
CAIRN = os.environ.get("CAIRN_COMMAND") or os.path.join(HERE, "..", "..", "cairn")
# What a server does all day, so that a JVM has compiled it.
WARM_UP = {"warm-up, many at once": {"rw": "randrw", "bs": "4k", "iodepth": 32},
           "warm-up, one at a time": {"rw": "randrw", "bs": "4k", "iodepth": 1}}


class System:
    """Something to measure: `start`, jobs, `stop`. Stopping is right at any time, even half started."""

    name = ""
    durability = ""
    fio_engine = "nbd"
    copies = 1

    def start(self):
        pass

    def stop(self):
        pass

    def target(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def program(self):
        """How fio is started."""
        return ["fio"]

    def pids(self):
        """Of everything that serves; empty when it is not on this machine."""
        return []

    def can(self, job):
        """Why a job cannot be run here, or None."""
        return None

    def run(self, name, job, mib, seconds):
        return load.fio(self.target(), load.job_options(job, mib, seconds), name, seconds,
                        environment=self.environment(), program=self.program())

    def prepare(self, how, mib):
        """Gives it the layout that a job asks for: written from start to end, or block by block at random."""
        size = f"--size={mib}M"
        options = (["--rw=write", "--bs=1M", "--iodepth=4", size] if how == "fill"
                   else ["--rw=randwrite", "--bs=4k", "--iodepth=32", size])
        load.fio(self.target(), options, f"{self.name}: {how}", environment=self.environment(),
                 program=self.program())

    def warm_up(self, mib, seconds):
        """Does what lets a JVM compile what it needs; 0 s: nothing."""
        for name, job in WARM_UP.items():
            if seconds and not self.can(job):
                self.run(f"{self.name}: {name}", job, mib, -(-seconds // len(WARM_UP)))

    def measure(self, name, job, mib, seconds):
        """Figures of one job with the CPU and the bytes that it cost on all sides."""
        pids = self.pids()
        cpu, written = process.cpu_seconds(pids), process.written_bytes(pids)
        figures = self.run(name, job, mib, seconds)
        # There is no ramp time, so that every operation is counted which the CPU and the bytes are of.
        figures["client_cores"] = figures.pop("client_cpu") / figures["elapsed"]
        if pids:
            used = process.cpu_seconds(pids) - cpu
            figures["engine_cores"] = used / figures["elapsed"]
            figures["iops_per_engine_core"] = figures["ios"] / max(used, 1e-2)
            figures["engine_cpu_ms_per_1000"] = 1e6 * used / figures["ios"]
            total = process.written_bytes(pids) - written
            if total and figures["writes"] == figures["ios"]:
                figures["written_per_byte"] = total / figures["bytes"] / self.copies
        return figures


class Cluster(System):
    """A throw-away cluster of three engines on this machine, with one volume that is served over NBD."""

    name = "cairn"
    copies = 3
    durability = "three replicas on file-backed disks of one drive; acked when durable on all three; checksums on"

    def __init__(self, folder, mib, disk_mib=None, volume=True):
        self.folder = os.path.join(folder, "cluster")
        self.mib = mib
        self.disk_mib = disk_mib or 4 * mib
        self.volume = volume
        self.uri = None
        self.engines = []

    @staticmethod
    def needed_mib(mib):
        return 3 * 4 * mib

    def start(self):
        self.cairn("up", "--nodes", "3", "--disk-size", f"{self.disk_mib}M")
        if self.volume:
            self.serve()
        for entry in sorted(os.listdir(self.folder)):
            pid_file = os.path.join(self.folder, entry, "engine.pid")
            if os.path.exists(pid_file):
                with open(pid_file) as f:
                    self.engines.append(int(f.read().split()[0]))

    def serve(self):
        self.cairn("volume", "create", "bench", "--size", f"{self.mib}M")
        self.uri = json.loads(self.cairn("volume", "serve", "bench", "-o", "json"))["uris"][0]

    def capacity_mib(self):
        """What the smallest disk has room for."""
        status = json.loads(self.cairn("status", "-o", "json"))
        return min(disk["capacityBytes"] for disk in status["disks"]) >> 20

    def stop(self):
        if os.path.exists(os.path.join(self.folder, "cluster.json")):
            self.cairn("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def cairn(self, *words):
        # Room for a build, which the first command makes.
        return process.run([CAIRN, *words, "--data-dir", self.folder], seconds=900)

    def target(self):
        return ["--ioengine=nbd", f"--uri={self.uri}"]

    def pids(self):
        return self.engines


class Given(System):
    """An NBD export or a block device that is there already; it is written over."""

    name = "given"

    def __init__(self, uri, device, mib):
        self.uri = uri
        self.device = device
        self.mib = mib
        self.fio_engine = "nbd" if uri else "io_uring"
        self.durability = f"{uri or device}: what its acks promise is not known here"

    def start(self):
        size = self.device_bytes() if self.device else self.export_bytes()
        if size is not None and size < self.mib << 20:
            raise Failure(f"{self.uri or self.device} has {size >> 20} MiB, less than --mib {self.mib}")

    def device_bytes(self):
        try:
            if not stat.S_ISBLK(os.stat(self.device).st_mode):
                raise Failure(f"{self.device} is not a block device")
            # Refused while anything has it mounted or uses it otherwise.
            descriptor = os.open(self.device, os.O_RDWR | os.O_EXCL)
        except OSError as e:
            raise Failure(f"{self.device} cannot be written over: {e.strerror}") from e
        try:
            return os.lseek(descriptor, 0, os.SEEK_END)
        finally:
            os.close(descriptor)

    def export_bytes(self):
        if shutil.which("nbdinfo") is None:
            return None
        asked = subprocess.run(["nbdinfo", "--size", self.uri], capture_output=True, text=True)
        if asked.returncode != 0:
            raise Failure(f"{self.uri} cannot be reached: {process.last_lines(asked.stderr, 1)}")
        return int(asked.stdout)

    def target(self):
        if self.uri:
            return ["--ioengine=nbd", f"--uri={self.uri}"]
        return ["--ioengine=io_uring", "--direct=1", f"--filename={self.device}"]


class Raw:
    """What the drive itself gives for the same promise: three files written at once with O_DSYNC, a third each."""

    name = "raw"
    durability = "the drive itself: three files written at once with O_DSYNC, a third each; one file read; O_DIRECT"

    def __init__(self, folder, mib):
        self.files = [os.path.join(folder, f"raw{i}") for i in (1, 2, 3)]
        self.mib = mib

    @staticmethod
    def needed_mib(mib):
        return 3 * mib

    def start(self):
        for name in self.files:
            process.progress(f"raw drive: writing {name}")
            process.run(["dd", "if=/dev/zero", f"of={name}", "bs=1M", f"count={self.mib}", "oflag=direct",
                         "status=none"])
        process.progress_done()

    def measure(self, name, job, mib, seconds):
        reads_only = job["rw"] in ("read", "randread")
        plain = {key: value for key, value in job.items() if key != "fsync"}
        target = ["--direct=1", "--ioengine=io_uring"] + ([] if reads_only else ["--sync=dsync"])
        figures = load.fio(target, load.job_options(plain, mib, seconds), f"{name} on the raw drive", seconds,
                           files=self.files[:1] if reads_only else self.files)
        figures["client_cores"] = figures.pop("client_cpu") / figures["elapsed"]
        if not reads_only:
            for key in ("iops", "mibs"):
                figures[key] /= 3
            figures["throughput"] = [[at, round(rate / 3)] for at, rate in figures["throughput"]]
        return figures

    def stop(self):
        for name in self.files:
            if os.path.exists(name):
                os.unlink(name)


def write_cache(folder):
    """How the kernel says that the drive under a folder caches writes; empty when it does not say."""
    device = os.stat(folder).st_dev
    path = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    for candidate in (path, os.path.dirname(path)):
        try:
            with open(os.path.join(candidate, "queue", "write_cache")) as f:
                return f.read().strip()
        except OSError:
            continue
    return ""
