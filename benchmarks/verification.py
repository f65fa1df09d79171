"""Do two images show one person? Both views of the data set's protocol, by each judge.

    python -m benchmarks.verification --source ~/Downloads/archive.zip    # over an hour, first
    python -m benchmarks.verification --cells 1/embedding,1/hog,1/eigenfaces    # minutes

Each cell is a run of `lfw verify` in the data folder, with the default seed: what was learned there
before is used again. View 1 is judged by the champion of that folder.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.accuracy_table import markdown
from benchmarks.contest import Result, Taken, finish
from benchmarks.processes import run

CELLS = tuple(f"{view}/{judge}" for view in "12" for judge in ("embedding", "hog", "eigenfaces"))
"""View and judge."""

Found = dict[str, Any]
"""What `lfw verify` tells of its verification."""


def measure(source: str, cells: list[str]) -> Result:
    """Verify by each cell.

    Parameters
    ----------
    source
        As for ``lfw verify --source``.
    cells
        Some of :data:`CELLS`.
    """
    found, digests = {}, set()
    for cell in cells:
        view, judge = cell.split("/")
        asked = ["verify", "--source", source, "--view", view, "--judge", judge, "--json"]
        told = json.loads(run(["infra.start", *asked]).output)
        found[cell] = told["verification"]
        digests.add(told["data_digest"])
    [digest] = digests
    return result_of(found, digest)


def result_of(found: dict[str, Found], digest: str) -> Result:
    """Put together what is kept: a table, and the accuracy of every fold."""
    taken: Taken = {
        f"view {cell.replace('/', ', ')}: accuracy": [row["accuracy"] for row in one["folds"]]
        for cell, one in found.items()
    }
    name, command = "verification", "python -m benchmarks.verification"
    if set(found) != set(CELLS):
        command += f" --cells {','.join(found)}"
        name += "".join(f"_{cell.replace('/', '_')}" for cell in found)
    protocol = next(iter(found.values()))["protocol"]
    setting: dict[str, object] = {
        "rounds": None,  # folds are none
        "protocol": protocol,
        "of the data": digest[:10],
    }
    return Result(name, command, [], taken, setting, page(found))


def page(found: dict[str, Found]) -> str:
    """Write the table, in Markdown, and below it by what each row was judged."""
    head = ["view", "judged by", "pairs (of one person)", "accuracy", "AUC", "true accepts at 1 %"]
    body = []
    for cell, one in found.items():
        view, judge = cell.split("/")
        body.append(
            [
                view,
                judge,
                f"{one['pairs']:,} ({one['matched']:,})",
                f"{one['accuracy']:.3f} ± {one['standard_error']:.3f}",
                f"{one['auc']:.3f}",
                f"{100 * one['tar_at_far_1']:.1f} %",
            ]
        )
    how = [f"- View {cell.replace('/', ', ')}: {one['how']}" for cell, one in found.items()]
    return "\n".join([markdown(head, body), "", *how])


def main() -> None:
    """Measure, and print the table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--source", default="auto")
    parser.add_argument("--cells", default=",".join(CELLS), help="view/judge, comma-separated")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--keep", type=Path, help="folder to keep the result in")
    asked = parser.parse_args()
    cells = asked.cells.split(",")
    unknown = [cell for cell in cells if cell not in CELLS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not known; choose among {', '.join(CELLS)}")
    finish(measure(asked.source, cells), as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
