"""Write the figures that were kept into README.md and the pages of docs/.

    python -m benchmarks.report             # after make bench
    python -m benchmarks.report --check     # fails if a table is not that of the figures kept

Tables stand between two comments, ``<!-- benchmark NAME -->`` and ``<!-- end -->``; NAME is that of
a file in benchmarks/results, or ``summary`` for one line each claim with a goal.
"""

import argparse
import re
from pathlib import Path

from benchmarks.contest import RESULTS, SIGNS, Claim, Result, read_result, shown

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "docs/performance.md",
    "docs/scaling.md",
    "docs/model-card.md",
    "docs/experiments.md",
    "README.md",
)
_MARKED = re.compile(r"(<!-- benchmark (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(text: str, results: dict[str, Result]) -> str:
    """Put the tables into a page; one without figures says how to come by them."""

    def put(found: re.Match[str]) -> str:
        name = found[2]
        if name == "summary":
            return f"{found[1]}{summary(results)}\n{found[3]}"
        if name not in results:
            module, _, factor = name.partition("_")
            more = f" --factors 1,{factor}" if factor.isdigit() else ""
            asked = f"python -m benchmarks.{module}{more} --keep benchmarks/results"
            if factor and not more:  # what its options are, the name does not tell
                asked = f"python -m benchmarks.{module} --help"
            return f"{found[1]}Not measured yet: `{asked}`.\n{found[3]}"
        result = results[name]
        return f"{found[1]}{result.table}\n\n{_said(result)}\n{found[3]}"

    return _MARKED.sub(put, text)


def _said(result: Result) -> str:
    setting = "; ".join(f"{name}: {_plain(value)}" for name, value in result.setting.items())
    return f"`{result.command}`. {setting}."


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return f"{value:,.3g}" if isinstance(value, float) and value < 100 else f"{value}"


def summary(results: dict[str, Result]) -> str:
    """Give one line for each claim that has a goal."""
    if not results:
        return "Not measured yet: `make bench`."
    lines = ["| what | against | goal | measured | command |", "|---|---|---|---|---|"]
    for result in results.values():
        lines += [_line(claim, result) for claim in result.claims if claim.goal is not None]
    return "\n".join(lines)


def _line(claim: Claim, result: Result) -> str:
    goal = f"{SIGNS[claim.at]} {shown(claim, claim.goal or 0.0)}"
    found = shown(claim, claim.median)
    return (
        f"| {claim.what} | {claim.against} | {goal} | {found if claim.met else f'**{found}**'} "
        f"| `{result.command}` |"
    )


def main() -> None:
    """Fill the pages, or check that they are filled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    asked = parser.parse_args()
    results = {path.stem: read_result(path) for path in sorted(RESULTS.glob("*.json"))}
    for name in PAGES:
        page = ROOT / name
        text = page.read_text(encoding="utf-8")
        filled = fill(text, results)
        if asked.check and filled != text:
            raise SystemExit(f"{name} has other figures: python -m benchmarks.report")
        page.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
