"""Programs of the benchmarks module, which the launcher has built."""
import glob
import os
import sys

from . import process
from .process import Failure

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
# As in the launcher: what jnr-ffi, chronicle-bytes and io_uring need.
OPTIONS = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
           "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
           "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED", "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"]


def command(main, *words, options=()):
    program = os.environ.get("CAIRN_BENCHMARKS_JAVA")
    if not program:
        raise Failure("this part needs Java: run it as ./cairn bench")
    jars = glob.glob(os.path.join(ROOT, "cli", "target", "cairn-cli-*.jar"))
    path = ["benchmarks/target/classes", "data-engine/target/test-classes", "cli/target/lib/*", "benchmarks/target/lib/*"]
    class_path = ":".join(jars + [os.path.join(ROOT, entry) for entry in path])
    return [program, *OPTIONS, *options, "-cp", class_path, main, *words]


def run(main, *words):
    """Output of a program that must succeed."""
    return process.run(command(main, *words, options=["-XX:+UseSerialGC", "-Xmx3g"]), seconds=1800)


def micro(words):
    """Becomes JMH. Short iterations, one fork; what is given comes after and wins."""
    line = command("org.openjdk.jmh.Main", "-f", "1", "-wi", "3", "-w", "1", "-i", "5", "-r", "1", *words)
    sys.stdout.flush()
    os.execv(line[0], line)
