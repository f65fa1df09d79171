"""How long the command line takes to say something.

    python -m benchmarks.startup

`lfw --help` and `lfw doctor` against `python -c "import typer"`, which is what a command line
written with typer costs before its first own line. Each is a process of its own, whose imports are
compiled already.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contest import Result, compare, contest, finish, options

_LFW = [sys.executable, "-m", "infra.start"]


def run(rounds: int) -> Result:
    """Measure."""
    commands = {
        "import typer": [sys.executable, "-c", "import typer"],
        "import cyclopts": [sys.executable, "-c", "import cyclopts"],
        "python": [sys.executable, "-c", "pass"],
        "help": [*_LFW, "--help"],
        "doctor": [*_LFW, "doctor"],
    }
    with tempfile.TemporaryDirectory() as folder:
        taken = contest(
            {
                name: lambda _, command=command: call(command, Path(folder))  # type: ignore[misc]
                for name, command in commands.items()
            },
            rounds,
            warm_up=2,
        )
    typer = '`python -c "import typer"`'
    claims = [
        compare(taken, ("help", "import typer"), ("`lfw --help`", typer), 2.0),
        compare(taken, ("doctor", "import typer"), ("`lfw doctor`", typer), 6.0),
    ]
    return Result("startup", "python -m benchmarks.startup", claims, taken)


def call(command: list[str], data: Path) -> None:
    """Run a command to its end, as in a shell whose Python keeps what it compiled.

    Its exit code is not looked at: `lfw doctor` gives 1 where something is missing.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ = kept | {"LFW_DATA": str(data), "LFW_SOURCE": "sample"}
    done = subprocess.run(command, env=environ, capture_output=True, check=False)  # noqa: S603
    if b"Traceback" in done.stderr:
        raise RuntimeError(done.stderr.decode())


def main() -> None:
    """Measure, and print a table or JSON."""
    asked = options(__doc__, rounds=15).parse_args()
    finish(run(asked.rounds), as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
