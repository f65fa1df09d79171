"""All benchmarks can be run by one command, which goes on where one fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import growth, orchestration
from benchmarks.contest import RESULTS, ROUNDS
from benchmarks.data import SKIPPED


class Shell:
    """In the place of processes: keeps what is run, and ends as it is told to."""

    def __init__(self, codes: dict[str, int]) -> None:
        self.codes = codes
        self.ran: list[list[str]] = []

    def run(self, command: list[str], *, check: bool) -> "subprocess.CompletedProcess[str]":
        assert not check
        self.ran.append(command)
        return subprocess.CompletedProcess(command, self.codes.get(command[2], 0))

    @property
    def modules(self) -> list[str]:
        return [command[2].removeprefix("benchmarks.") for command in self.ran]


def run_with(monkeypatch: pytest.MonkeyPatch, codes: dict[str, int], *asked: str) -> Shell:
    shell = Shell(codes)
    monkeypatch.setattr(bench, "subprocess", shell)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--source", "sample", *asked])
    return shell


def test_the_usual_ones_are_run_then_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = run_with(monkeypatch, {})
    bench.main()
    assert shell.modules[-1] == "report"
    assert shell.modules[:-1] == [
        *("startup", "audit", "ready", "augmentation", "growth", "scoring", "orchestration"),
        "commands",
    ]
    audit = " ".join(shell.ran[1])
    assert audit.endswith(f"-m benchmarks.audit --source sample --keep {RESULTS}")


def test_each_has_a_name_and_all_are_run_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = run_with(monkeypatch, {}, "--all")
    bench.main()
    assert len(shell.ran) == len(bench.VARIANTS) + 1
    shell = run_with(monkeypatch, {}, "--only", "growth_100", "orchestration_embedding")
    bench.main()
    assert shell.ran[0][2:5] == ["benchmarks.growth", "--factors", "1,100"]
    assert shell.ran[1][2:5] == ["benchmarks.orchestration", "--model", "embedding"]


def test_a_variant_is_kept_under_its_name() -> None:
    for name, command in (
        growth.named([1, 10], ROUNDS),
        growth.named([1, 100], ROUNDS),
        orchestration.named("hog"),
        orchestration.named("embedding"),
    ):
        variant = bench.VARIANTS[name]
        said = ["python -m", f"benchmarks.{variant.module}", *variant.arguments]
        assert command == " ".join(said)


def test_what_fails_is_named_at_the_end_and_the_others_are_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = {"benchmarks.audit": 2, "benchmarks.ready": SKIPPED, "benchmarks.scoring": -9}
    shell = run_with(monkeypatch, codes)
    with pytest.raises(SystemExit, match="audit, scoring"):
        bench.main()
    assert shell.modules[-2:] == ["commands", "report"]
    assert "Skipped, as it says above: ready." in capsys.readouterr().out


def test_what_is_skipped_alone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(monkeypatch, {"benchmarks.ready": SKIPPED}, "--only", "ready")
    bench.main()


def test_a_source_that_is_not_there_is_told_before_anything_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = run_with(monkeypatch, {})
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--source", str(tmp_path / "nothing.zip")])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    assert "there is no" in capsys.readouterr().err
    assert not shell.ran


def test_the_help_tells_what_is_run_and_what_else_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_with(monkeypatch, {}, "--help")
    with pytest.raises(SystemExit):
        bench.main()
    said = capsys.readouterr().out
    for name in bench.VARIANTS:
        assert name in said
