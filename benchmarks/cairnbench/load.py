"""Runs one load and answers with its figures: fio, or a program that prints the same documents."""
import json
import os
import subprocess
import tempfile
import time

from . import process
from .process import Failure

MIB = 1 << 20
POINTS = {"p50_us": 0.50, "p99_us": 0.99, "p999_us": 0.999}


def documents(text):
    """The JSON documents that text holds so far, and the rest."""
    decoder = json.JSONDecoder()
    found = []
    while True:
        begin = text.find("{")
        if begin < 0:
            return found, ""
        try:
            document, end = decoder.raw_decode(text, begin)
        except json.JSONDecodeError:
            return found, text[begin:]
        found.append(document)
        text = text[end:]


def percentile(bins, share):
    """The bin that holds this share of all; bins are sorted pairs of nanoseconds and count."""
    wanted = share * sum(count for _, count in bins)
    seen = 0
    for nanos, count in bins:
        seen += count
        if seen >= wanted:
            return nanos
    return 0


def distribution(bins, points=240):
    """Pairs of microseconds and the share of all that took no longer: what a plot needs, not every bin."""
    total = sum(count for _, count in bins)
    result = []
    seen = 0
    for nanos, count in bins:
        seen += count
        share = seen / total
        # Evenly in the share, and ever finer towards the tail.
        if not result or share - result[-1][1] >= min(1 / points, (1 - result[-1][1]) / 8) or seen == total:
            result.append([round(nanos / 1000, 1), round(share, 6)])
    return result


def merged_bins(sides):
    """Reads and writes together."""
    counts = {}
    for side in sides:
        for nanos, count in side.get("lat_ns", {}).get("bins", {}).items():
            counts[int(nanos)] = counts.get(int(nanos), 0) + count
    return sorted(counts.items())


def summary(samples, job):
    """Figures of a whole job from fio's last document, and its throughput over time from all of them."""
    last = samples[-1]["jobs"][0]
    sides = [last[side] for side in ("read", "write") if last[side]["total_ios"] > 0]
    if not sides:
        raise Failure(f"{job} did nothing")
    if last.get("error"):
        raise Failure(f"{job} had I/O errors ({os.strerror(last['error'])})")
    bins = merged_bins(sides)
    figures = {
        "iops": sum(side["iops"] for side in sides),
        "mibs": sum(side["bw_bytes"] for side in sides) / MIB,
        "ios": sum(side["total_ios"] for side in sides),
        "writes": last["write"]["total_ios"],
        "bytes": sum(side["io_bytes"] for side in sides),
        "latency": distribution(bins),
        "throughput": throughput(samples),
    }
    for name, share in POINTS.items():
        figures[name] = percentile(bins, share) / 1000
    return figures


def throughput(samples):
    """Pairs of seconds and I/Os a second since the pair before."""
    series = []
    before_ios = before_millis = 0
    for sample in samples:
        job = sample["jobs"][0]
        ios = job["read"]["total_ios"] + job["write"]["total_ios"]
        millis = max(job["read"]["runtime"], job["write"]["runtime"])
        # fio's last document is of the end, which may come right after one that was due.
        if millis - before_millis >= 200:
            series.append([round(millis / 1000, 2), round(1000 * (ios - before_ios) / (millis - before_millis))])
            before_ios, before_millis = ios, millis
    return series


def run(command, job, seconds, environment=None):
    """Runs a load to its end. Answers with its figures, the CPU it used among them, and shows how far it is."""
    env = dict(os.environ, **(environment or {}))
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        try:
            child = process.start(command, stdout=subprocess.PIPE, stderr=errors, env=env)
        except OSError as e:
            raise Failure(f"{command[0]} cannot be started: {e.strerror}") from e
        try:
            samples, unread = [], ""
            while chunk := os.read(child.stdout.fileno(), 1 << 20):
                found, unread = documents(unread + chunk.decode(errors="replace"))
                samples += found
                for sample in found:
                    show(sample, job, seconds)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            process.end(child)
            child.stdout.close()
            process.progress_done()
        errors.seek(0)
        complaint = process.last_lines(errors.read().decode(errors="replace"))
    if child.returncode != 0 or not samples:
        raise Failure(f"{job} ended with {child.returncode}: {' '.join(command)}\n{complaint}")
    figures = summary(samples, job)
    figures["elapsed"] = time.monotonic() - began
    figures["client_cpu"] = usage.ru_utime + usage.ru_stime
    return figures


def show(sample, job, seconds):
    state = sample["jobs"][0]
    millis = max(state["read"]["runtime"], state["write"]["runtime"], 1)
    ios = state["read"]["total_ios"] + state["write"]["total_ios"]
    of = f"/{seconds}" if seconds else ""
    process.progress(f"{job}: {millis / 1000:.0f}{of} s, {1000 * ios / millis:,.0f} IOPS so far")


def fio(target, options, job, seconds=None, files=(None,), environment=None, program=("fio",)):
    """One fio job, or one on each of several files at once, counted together."""
    # Latency from the submission on: how an engine splits it differs.
    command = [*program, *target, *options, "--group_reporting", "--output-format=json+", "--status-interval=1",
               "--lat_percentiles=1", "--clat_percentiles=0"]
    for number, name in enumerate(files):
        command += [f"--name=j{number}"] + ([f"--filename={name}"] if name else [])
    return run(command, job, seconds, environment)


def job_options(job, mib, seconds):
    """A job of jobs.json as options of fio."""
    options = [f"--rw={job['rw']}", f"--bs={job['bs']}", f"--iodepth={job['iodepth']}", f"--size={mib}M",
               "--time_based", f"--runtime={seconds}", "--norandommap", "--randrepeat=0"]
    return options + [f"--{name}={job[name]}" for name in ("fsync", "rwmixread", "numjobs") if name in job]


def check_fio(engine):
    """That fio is there and has an I/O engine."""
    try:
        known = subprocess.run(["fio", "--enghelp"], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        raise Failure("fio is missing or does not start: install it (Debian: apt install fio)") from None
    if engine not in known:
        raise Failure(f"this fio has no {engine} engine: install one that has (Debian: apt install fio libnbd0 librbd1)")
