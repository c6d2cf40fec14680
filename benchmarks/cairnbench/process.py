"""Child processes that end with this one: whatever interrupts a run, nothing of it is left behind."""
import contextlib
import os
import shlex
import signal
import subprocess
import sys

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something that the one who ran it can do something about; the message says what, and what to do."""


class Interrupted(BaseException):
    """A signal asked for the end."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupted(number, frame):
    uninterruptible()
    raise Interrupted(number)


def interruptible():
    """From now on a signal to end is an exception, so that every `finally` runs."""
    for number in SIGNALS:
        signal.signal(number, interrupted)


def uninterruptible():
    """While things are put away, a second Ctrl-C changes nothing."""
    for number in SIGNALS:
        # Not SIG_IGN, which children would inherit.
        signal.signal(number, lambda received, stack: None)


@contextlib.contextmanager
def undisturbed():
    """Puts off signals to end until what is inside is done."""
    came = []
    before = [signal.signal(number, lambda received, stack: came.append(received)) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before):
            signal.signal(number, handler)
    if came:
        interrupted(came[0], None)


def last_lines(text, count=12):
    return "\n".join(text.strip().splitlines()[-count:])


def start(command, **options):
    """Starts a process in a session of its own: Ctrl-C reaches only us, and we end it in our order."""
    return subprocess.Popen(command, start_new_session=True, **options)


def end(process, seconds=10):
    """Asks a process to end, and makes it end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(command, seconds=300, input=None, **options):
    """Output of a command that must succeed. An interrupt waits for its end: half a step could not be taken back."""
    try:
        process = start(command, stdin=None if input is None else subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True, **options)
    except OSError as e:
        raise Failure(f"{command[0]} cannot be started: {e.strerror}") from e
    try:
        out, err = process.communicate(input, timeout=seconds)
    except Interrupted:
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            pass
        raise
    except subprocess.TimeoutExpired:
        raise Failure(f"{shlex.join(command)} did not end within {seconds} s") from None
    finally:
        end(process)
    if process.returncode != 0:
        raise Failure(f"{shlex.join(command)} failed ({process.returncode}):\n{last_lines(out + err)}")
    return out


def field(pid, file, name):
    """A number of /proc/PID/FILE; 0 when the kernel does not count it."""
    with open(f"/proc/{pid}/{file}") as f:
        for line in f:
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def cpu_seconds(pids):
    """CPU that these processes have used, without children that they waited for."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            raise Failure(f"process {pid} of the system under test has ended during the measurement") from None
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_SECOND


def written_bytes(pids):
    """Bytes that these processes made the drive write; needs their owner or root."""
    try:
        return sum(field(pid, "io", "write_bytes:") for pid in pids)
    except PermissionError:
        return 0


def resident_mib(pids):
    return [field(pid, "status", "VmRSS:") >> 10 for pid in pids]


def say(text):
    print(text, flush=True)


def progress(text):
    """Shows text in the terminal's last line, over what was there; nothing when there is no terminal."""
    if sys.stderr.isatty():
        width = max(20, os.get_terminal_size(sys.stderr.fileno()).columns - 1)
        sys.stderr.write("\r\033[K" + text[:width])
        sys.stderr.flush()


def progress_done():
    progress("")
