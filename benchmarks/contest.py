"""Interleaved contenders, so that a busy moment of the machine falls on all of them.

A round runs every contender once, in an order that is turned round from one round to the next. The
first rounds warm up (caches, imports, clock rates) and do not count. Within a round two contenders
ran moments apart: their ratio is taken there, and what is reported is the median of these ratios,
with the least and the largest. The usual harnesses (pyperf, pytest-benchmark, asv) run one
contender to its end before the next, and report no ratio of pairs.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lfw.files import write_text

_TIMES = "\N{MULTIPLICATION SIGN}"
SIGNS = {"most": "≤", "least": "≥"}

RESULTS = Path(__file__).parent / "results"
_ROOT = Path(__file__).parents[1]
_CODE = ("lfw", "tasks", "flows", "infra", "benchmarks/*.py", "uv.lock")

ROUNDS = 5
"""That count, if nobody says how many."""

Contender = Callable[[int], "float | None"]
"""Takes the number of the round; gives what it measured, or None to have its seconds counted."""

Taken = dict[str, list[float]]
"""What each contender took, round by round."""


@dataclass(frozen=True)
class Claim:
    """One figure: what was measured against what, and what was aimed at.

    Attributes
    ----------
    what, against
        The two sides, in words.
    goal
        What the median should be, or None for a figure that is only told.
    at
        Whether the goal is the most or the least.
    unit
        What the figures are: ``x`` for a ratio, else a unit such as ``s`` or ``MB``.
    rounds
        The figure of each round.
    sides
        Medians of the two sides, with their units, for the reader.
    note
        What else there is to know.
    """

    what: str
    against: str
    goal: float | None
    at: Literal["most", "least"]
    unit: str
    rounds: list[float]
    sides: tuple[str, str] = ("", "")
    note: str = ""

    @property
    def median(self) -> float:
        """The figure that counts."""
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self._meets(self.median, self.goal)

    @property
    def rounds_met(self) -> int:
        """How many of its rounds meet the goal, each by itself."""
        return 0 if self.goal is None else sum(self._meets(one, self.goal) for one in self.rounds)

    def _meets(self, value: float, goal: float) -> bool:
        return value <= goal if self.at == "most" else value >= goal


@dataclass(frozen=True)
class Result:
    """What a benchmark found.

    Attributes
    ----------
    name, command
        The benchmark, and how to run it again.
    claims
        Its figures.
    taken
        What each contender took, round by round.
    setting
        Sizes and the machine.
    page
        A Markdown table of its own, for what is no claim; empty for the table of claims.
    """

    name: str
    command: str
    claims: list[Claim]
    taken: Taken
    setting: dict[str, object] = field(default_factory=dict)
    page: str = ""

    @property
    def table(self) -> str:
        """Its table, as pages show it."""
        return self.page or table(self.claims)


def contest(
    contenders: Mapping[str, Contender],
    rounds: int = 5,
    warm_up: int = 1,
    *,
    turned: bool = True,
) -> Taken:
    """Run contenders in interleaved rounds.

    Parameters
    ----------
    contenders
        By name.
    rounds, warm_up
        Rounds that count, and rounds before them that do not.
    turned
        Whether every other round goes from the last to the first; not where one needs another's
        result.

    Returns
    -------
    dict
        Seconds (or what the contender measured itself) of each round that counts.
    """
    taken: Taken = {name: [] for name in contenders}
    for turn in range(warm_up + rounds):
        order = list(contenders)[::-1] if turned and turn % 2 else list(contenders)
        for name in order:
            since = time.perf_counter()
            measured = contenders[name](turn)
            seconds = time.perf_counter() - since
            if turn >= warm_up:
                taken[name].append(seconds if measured is None else measured)
    return taken


def ratios(taken: Taken, above: str, below: str) -> list[float]:
    """Divide one contender's figures by another's, round by round."""
    return [a / b for a, b in zip(taken[above], taken[below], strict=True)]


def compare(
    taken: Taken,
    sides: tuple[str, str],
    words: tuple[str, str],
    goal: float | None,
    at: Literal["most", "least"] = "most",
    note: str = "",
) -> Claim:
    """Make the claim that one contender takes at most so many times what another takes.

    Parameters
    ----------
    taken
        What :func:`contest` gave.
    sides
        The contenders' names; with `at` = ``least`` the claim is how much faster the first is.
    words
        Both in words.
    goal, at, note
        As in :class:`Claim`.
    """
    ours, peer = sides
    pair = (ours, peer) if at == "most" else (peer, ours)
    medians = (_seconds(statistics.median(taken[ours])), _seconds(statistics.median(taken[peer])))
    return Claim(*words, goal, at, "x", ratios(taken, *pair), medians, note)


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1000 * seconds:.1f} ms" if seconds >= 0.001 else f"{1e6 * seconds:.0f} µs"


def table(claims: Sequence[Claim]) -> str:
    """Put claims into a Markdown table."""
    lines = [
        "| what | against | goal | median (min to max) | it, and the other | |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        goal = (
            ""
            if claim.goal is None
            else f"{'≤' if claim.at == 'most' else '≥'} {shown(claim, claim.goal)}"
        )
        ends = [shown(claim, value) for value in (min(claim.rounds), max(claim.rounds))]
        spread = f" ({' to '.join(ends)})" if len(claim.rounds) > 1 else ""
        said = _verdict(claim)
        note = f"{said}; {claim.note}" if said and claim.note else said or claim.note
        lines.append(
            f"| {claim.what} | {claim.against} | {goal} | **{shown(claim, claim.median)}**{spread}"
            f" | {', '.join(side for side in claim.sides if side)} | {note} |"
        )
    return "\n".join(lines)


def _verdict(claim: Claim) -> str:
    """Say whether the median meets the goal, and how many of the rounds do: a few may not."""
    if claim.met is None:
        return ""
    count = len(claim.rounds)
    each = f"in {claim.rounds_met} of {count} rounds"
    if claim.met:
        return f"met ({each})" if count > 1 else "met"
    return f"**not met** (met {each})" if count > 1 else "**not met**"


def shown(claim: Claim, value: float) -> str:
    """Write a figure with the claim's unit."""
    if claim.unit == "%":
        return f"{value:.1f} %"
    if claim.unit != "x":
        return f"{value:,.1f} {claim.unit}"
    return f"{value:,.0f} {_TIMES}" if value >= 100 else f"{value:.3g} {_TIMES}"


def machine() -> dict[str, object]:
    """Say what a figure was measured on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": platform.system(),
        "python": platform.python_version(),
        "code": _commit(),
        "measured": datetime.now(UTC).date().isoformat(),
    }


def _processor(told: Path = Path("/proc/cpuinfo")) -> str:
    """Name the processor, and whether it has AVX-512, which decides much of what networks take."""
    if not told.exists():  # no Linux
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in told.read_text(encoding="utf-8").splitlines())
    known = {name.strip(): value.strip() for name, _, value in lines}
    named = known.get("model name", platform.machine())
    if "flags" not in known:  # not of this family
        return named
    return f"{named} {'with' if 'avx512f' in known['flags'].split() else 'without'} AVX-512"


def _commit() -> str:
    """Name the commit that was measured, and say whether code differed from it."""
    found = shutil.which("git") or ""

    def git(*asked: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603
            [found, *asked], cwd=_ROOT, capture_output=True, text=True, check=False
        )

    if not found:
        return "unknown"
    named = git("rev-parse", "--short=10", "HEAD").stdout.strip()
    changed = git("diff", "--quiet", "HEAD", "--", *_CODE).returncode
    return f"{named} and changes" if named and changed else named or "unknown"


def finish(result: Result, *, as_json: bool, keep: Path | None = None) -> None:
    """Print a result, and keep it as JSON where the report finds it.

    Parameters
    ----------
    result
        What was found.
    as_json
        Print JSON instead of the table.
    keep
        The folder of results, or None to keep nothing.
    """
    first = next(iter(result.taken.values()), [])
    counted = {"rounds": len(first)} if first else {}
    setting = {name: said for name, said in (counted | result.setting).items() if said is not None}
    whole = asdict(result) | {"setting": setting, "machine": machine()}
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    if keep is not None:
        write_text(keep / f"{result.name}.json", text + "\n")
    print(text if as_json else result.table, flush=True)


def read_result(path: Path) -> Result:
    """Read what :func:`finish` kept."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    setting = saved["setting"] | saved.pop("machine")
    claims = [Claim(**{**one, "sides": tuple(one["sides"])}) for one in saved.pop("claims")]
    return Result(**{**saved, "claims": claims, "setting": setting})


def options(about: str | None, rounds: int = ROUNDS) -> argparse.ArgumentParser:
    """Make the arguments that all benchmarks have."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="that count")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--keep",
        type=Path,
        help="folder to keep the result in, for python -m benchmarks.report (benchmarks/results)",
    )
    return parser
