import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.processes import GuardedProcess
from lfw.errors import LfwError
from tests.infra.support import processes_of, read_line, wait_until

START_GUARDED = """
import sys, time
from pathlib import Path
from infra.processes import GuardedProcess
folder = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
process = GuardedProcess("It", sleep, folder / "guarded.log", {"MARK": str(folder)})
print("started", flush=True)
time.sleep(60)
"""


def test_a_guarded_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    # The grandchild leaves its session, ignores SIGTERM and loses its parent.
    grandchild_code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {!r}]"
    child_code = f"{start.format(grandchild_code)}, start_new_session=True)"
    keep = f"{start.format(child_code)}).wait(); import time; time.sleep(60)"
    log = tmp_path / "guarded.log"
    process = GuardedProcess("It", [sys.executable, "-c", keep], log, {"MARK": str(tmp_path)})
    assert wait_until(lambda: bool(log.read_text().strip()), 20)
    grandchild = psutil.Process(int(log.read_text()))
    process.check()
    process.stop()
    assert not grandchild.is_running()
    assert not processes_of(tmp_path)
    with pytest.raises(LfwError, match=r"It ended unexpectedly.*guarded\.log"):
        process.check()


def test_a_guarded_process_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_GUARDED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert read_line(process) == "started"
        assert len(processes_of(tmp_path)) >= 2
        process.kill()
        process.wait()
        assert wait_until(lambda: not processes_of(tmp_path), 10)
