"""Contenders take turns, figures are those of pairs, and tables say what was kept."""

import json
from pathlib import Path

import pytest

from benchmarks import contest as contest_module
from benchmarks.contest import (
    Claim,
    Result,
    compare,
    contest,
    finish,
    ratios,
    read_result,
    shown,
    table,
)
from benchmarks.report import fill, summary


def test_contenders_take_turns_and_the_first_rounds_do_not_count() -> None:
    order: list[str] = []

    def contender(name: str, each: float) -> object:
        def run(turn: int) -> float:
            order.append(f"{name}{turn}")
            return each * turn

        return run

    both = {"a": contender("a", 1.0), "b": contender("b", 10.0)}
    taken = contest(both, rounds=3, warm_up=1)  # type: ignore[arg-type]
    assert order == ["a0", "b0", "b1", "a1", "a2", "b2", "b3", "a3"]
    assert taken == {"a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0]}
    order.clear()
    contest(both, rounds=1, turned=False)  # type: ignore[arg-type]
    assert order == ["a0", "b0", "a1", "b1"]


def test_seconds_count_where_a_contender_measures_nothing() -> None:
    import time

    taken = contest({"slow": lambda _: time.sleep(0.02)}, rounds=2)
    assert all(0.02 <= seconds < 2 for seconds in taken["slow"])


def test_median_of_ratios_is_that_of_pairs_not_of_medians() -> None:
    taken = {"ours": [1.0, 4.0, 9.0], "peer": [4.0, 2.0, 3.0]}
    assert ratios(taken, "ours", "peer") == [0.25, 2.0, 3.0]
    at_most = compare(taken, ("ours", "peer"), ("it", "the peer"), 2.0)
    assert (at_most.median, at_most.met) == (2.0, True)
    faster = compare(taken, ("ours", "peer"), ("it", "the peer"), 4.0, "least")
    assert faster.rounds == [4.0, 0.5, 1 / 3]
    assert (faster.median, faster.met) == (0.5, False)
    assert faster.sides == ("4.00 s", "3.00 s")
    assert compare(taken, ("ours", "peer"), ("it", "the peer"), None).met is None


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("x", 0.1234, "0.123 \xd7"),
        ("x", 12.0, "12 \xd7"),
        ("x", 1234.5, "1,234 \xd7"),
        ("%", 4.25, "4.2 %"),
        ("MB", 1234.56, "1,234.6 MB"),
    ],
)
def test_figures_have_units(unit: str, value: float, text: str) -> None:
    assert shown(Claim("a", "b", None, "most", unit, [value]), value) == text


def drawn() -> Result:
    met = Claim("help", "typer", 2.0, "most", "x", [0.5, 0.4, 0.6], ("40 ms", "80 ms"))
    missed = Claim("input", "generator", 6.0, "least", "x", [3.0], note="why")
    told = Claim("memory", "", None, "most", "MB", [100.0])
    return Result(
        "start", "python -m benchmarks.start", [met, missed, told], {"a": [1.0]}, {"n": 3}
    )


def test_what_is_kept_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(drawn(), as_json=True, keep=tmp_path)
    printed = json.loads(capsys.readouterr().out)
    assert printed["machine"]["cores"]
    again = read_result(tmp_path / "start.json")
    assert again.claims == drawn().claims
    assert again.setting["n"] == 3
    assert again.setting["cores"] == printed["machine"]["cores"]


def test_table_says_what_is_met_and_what_is_not() -> None:
    lines = table(drawn().claims).splitlines()
    ratio = "**0.5 \xd7** (0.4 \xd7 to 0.6 \xd7)"
    assert f"{ratio} | 40 ms, 80 ms | met (in 3 of 3 rounds) |" in lines[2]
    assert "| **not met**; why |" in lines[3]
    assert lines[4].endswith("|  |")


def test_table_says_how_many_rounds_meet_a_goal() -> None:
    swings = Claim("help", "typer", 2.0, "most", "x", [1.0, 3.0, 2.0])
    falls = Claim("input", "generator", 6.0, "least", "x", [3.0, 6.0, 5.0])
    told = Claim("memory", "", None, "most", "MB", [100.0, 90.0])
    ends = [line.split(" | ")[-1] for line in table([swings, falls, told]).splitlines()[2:]]
    assert ends == ["met (in 2 of 3 rounds) |", "**not met** (met in 1 of 3 rounds) |", " |"]
    assert told.rounds_met == 0


def test_pages_are_filled_between_their_marks() -> None:
    page = "before\n<!-- benchmark start -->\nold\n<!-- end -->\nafter <!-- benchmark x"
    once = fill(page, {"start": drawn()})
    assert once.startswith("before\n<!-- benchmark start -->\n| what |")
    assert once.endswith("<!-- end -->\nafter <!-- benchmark x")
    assert "old" not in once
    assert "n: 3" in once
    assert fill(once, {"start": drawn()}) == once
    assert "Not measured yet: `python -m benchmarks.start --keep" in fill(page, {})


def test_summary_has_a_line_for_each_goal() -> None:
    lines = summary({"start": drawn()}).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| help", "| input"]
    assert "| 0.5 \xd7 |" in lines[0]
    assert "| **3 \xd7** |" in lines[1]


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("model name\t: A One\nflags\t\t: sse avx512f fpu\n", "A One with AVX-512"),
        ("model name\t: A Two\nflags\t\t: sse avx2\n", "A Two without AVX-512"),
        ("model name\t: An ARM\nFeatures\t: neon\n", "An ARM"),
    ],
)
def test_the_processor_is_named_with_what_decides(told: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(told)
    assert contest_module._processor(tmp_path / "cpuinfo") == named


def test_what_a_setting_leaves_out_is_not_kept(tmp_path: Path) -> None:
    result = Result("some", "command", [], {"a": [1.0, 2.0]}, {"rounds": None, "images": 3})
    finish(result, as_json=False, keep=tmp_path)
    setting = json.loads((tmp_path / "some.json").read_text())["setting"]
    assert setting == {"images": 3}
