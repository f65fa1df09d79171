"""Help and doctor start fast, and say what the whole command line says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli import app
from infra.start import main

SLOW = {"cyclopts", "mlflow", "pandas", "prefect", "pydantic", "tensorflow"}


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_names_every_command(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lfw", *words])
    main()
    shown = capsys.readouterr().out
    listed = re.findall(r"(?m)^ {2}(\S+)", shown)  # not where a line goes on
    names = sorted(name for name in app if not name.startswith("-"))
    assert [name for name in listed if name in names] == names
    for name in names:
        said = app[name].help.partition("\n\n")[0].split()
        assert " ".join(said) in " ".join(shown.split())


def test_everything_else_is_left_to_the_whole_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lfw", "train", "--sed", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--sed" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--help", "doctor --json"])
def test_nothing_slow_is_imported(words: str, tmp_path: Path) -> None:
    code = (
        "import sys; from infra.start import main; sys.argv = ['lfw', *sys.argv[1:]]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    environ = {"PATH": "", "LFW_DATA": str(tmp_path), "LFW_SOURCE": "sample"}
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()],
        cwd=Path(__file__).parents[2],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert not SLOW & set(done.stderr.split())
