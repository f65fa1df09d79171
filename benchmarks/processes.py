"""Commands measured as a user runs them: a process each, with all that it starts."""

import contextlib
import ctypes
import gc
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa  # type: ignore[import-untyped]

_SECONDS_BETWEEN_LOOKS = 0.25
_SECONDS_TO_END = 60
_MEGABYTE = 1e6
_CLEAR = Path("/proc/self/clear_refs")
_OURS = ("PYTHONDONTWRITEBYTECODE", "TF_ENABLE_ONEDNN_OPTS")  # `lfw` sets the latter: no peer does


@dataclass(frozen=True)
class Ran:
    """What a command took.

    Attributes
    ----------
    seconds
        From its start to its end.
    megabytes
        The most memory that it and all its descendants held at a time: each page counted once
        (proportional set size), looked at four times a second.
    output
        Its standard output.
    """

    seconds: float
    megabytes: float
    output: str


def run(arguments: list[str], environ: dict[str, str] | None = None) -> Ran:
    """Run a Python module with arguments, to its end.

    Raises
    ------
    RuntimeError
        If it fails; with the end of what it said.
    """
    kept = {k: v for k, v in os.environ.items() if k not in _OURS}
    since = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *arguments],
        env=kept | (environ or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = _Watch(process.pid)
    watch.start()
    try:
        output, errors = process.communicate()
    except BaseException:  # Ctrl-C, say: what it started ends with it
        process.send_signal(signal.SIGINT)
        process.wait(_SECONDS_TO_END)
        raise
    finally:
        watch.done.set()
    seconds = time.perf_counter() - since
    watch.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{errors[-2000:]}")
    return Ran(seconds, watch.most / _MEGABYTE, output)


def most_held_from_now() -> float:
    """Put the mark of the most memory back to what is held now, and give that, in megabytes.

    What was freed before is handed back first: it would be used again without being seen.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError):  # glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    if _CLEAR.exists():
        _CLEAR.write_text("5")  # proc(5): resets the peak resident set size
    return most_held()


def most_held() -> float:
    """Give the most megabytes that this process has held since the mark was put back.

    `getrusage` is asked off Linux only: on Linux what it tells begins with the most that the
    starting process had held.
    """
    if _CLEAR.exists():
        found = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[0]) * 1024 / _MEGABYTE
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGABYTE


class _Watch(threading.Thread):
    """Looks at the memory of a process and its descendants now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.most = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(_SECONDS_BETWEEN_LOOKS):
            self.most = max(self.most, held(self.pid))


def held(pid: int) -> int:
    """Give the bytes that a process and its descendants hold now."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_own(process) for process in family)


def _own(process: psutil.Process) -> int:
    """Give a process's share: pages of its own, and its part of those that it shares."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if rollup.exists():
            lines = rollup.read_text(encoding="ascii").splitlines()
            return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return int(process.memory_info().rss)
    except (psutil.Error, OSError):
        return 0
