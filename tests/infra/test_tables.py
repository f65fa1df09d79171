"""What a run found is shown as it is: nothing in it is an order to whatever prints it."""

from typing import Any

import pytest

from infra.tables import print_result

ODD = "/data/[old]/[/a]/[red]b[/red]/:cat:"
"""A path with all that a printer of coloured text could take for its own."""

STAGES = [{"name": "audit", "state": "Completed", "reused": False, "seconds": 1.0, "why": ODD}]
ENDS = {"flow_run_id": "f", "mlflow_run_id": "m", "stages": STAGES, "warnings": [ODD]}
SCORE = {"value": 0.5, "low": 0.4, "high": 0.6}
SCORES = {"accuracy": SCORE, "macro_f1": SCORE, "balanced_accuracy": SCORE}
FIGURES = ("mean", "low", "high", "min", "max", "macro_f1", "seeds", "test_images")
PERSON = {"name": ODD, "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}

RESULTS: dict[str, tuple[dict[str, Any], int]] = {
    "train": (
        {
            "model": ODD,
            "outside_data": False,
            "classes": ["Ann"],
            "split_sizes": {"train": 1, "validation": 1, "test": 1},
            "test": {**SCORES, "per_class": [PERSON]},
            "baselines": {},
            "open_set": {"threshold": None},
            "model_name": ODD,
            "model_version": "1",
            "model_alias": None,
            "run_report": {"file": ODD, "url": ""},
        },
        6,
    ),
    "pretrain": ({"embedding": {ODD: ODD}}, 4),
    "audit": ({"audit": {"details": [ODD], "sizes": ODD}}, 4),
    "forget": (
        {
            "forgotten": {"people": [ODD], "copies": {ODD: 3}},
            "versions": [{"name": ODD, "version": "1", "aliases": [ODD], "people": {ODD: ODD}}],
        },
        8,
    ),
    "score": (
        {
            "scores": {
                "images_scored": 1,
                "answers": {ODD: 1},
                "files_unreadable": 21,
                "files_skipped": 0,
            },
            "unreadable": [{"path": ODD, "reason": ODD}] * 21,
            "unreadable_table": ODD,
            "table": ODD,
            "contact_sheet": [ODD],
        },
        46,
    ),
    "compare": (
        {
            "comparison": {
                "table": [
                    dict.fromkeys(FIGURES, 0.5)
                    | dict.fromkeys(("selection", "classifier"), ODD)
                    | {"outside_data": False, "baseline": False, "sd": None}
                ],
                "tests": [],
                "method": ODD,
            }
        },
        5,
    ),
    "promote": (
        {
            "model_name": ODD,
            "model_version": "2",
            "model_alias": "champion",
            "former_champion": None,
            "alias_reason": ODD,
        },
        5,  # it is named once more among the run's addresses
    ),
}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.mark.parametrize("command", RESULTS)
def test_paths_and_names_are_shown_as_they_are(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result, times = RESULTS[command]
    print_result({**result, **ENDS})
    assert capsys.readouterr().out.count(ODD) == times


def test_a_name_gives_no_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = "a\x1b[2Jb\x07.jpg"
    result, _ = RESULTS["score"]
    print_result({**result, **ENDS, "table": odd, "unreadable": [{"path": odd, "reason": odd}]})
    out = capsys.readouterr().out
    assert out.count(r"a\x1b[2Jb\x07.jpg") == 3
    assert "\x1b" not in out
