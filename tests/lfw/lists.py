"""The nine lists of ten invented people, as files."""

from collections.abc import Sequence
from pathlib import Path

COUNTS = {"lfw_allnames", "peopleDevTrain", "peopleDevTest", "people"}


HEADERS = {
    **dict.fromkeys(COUNTS, "name,images"),
    "matchpairsDevTrain": "name,imagenum1,imagenum2",
    "matchpairsDevTest": "name,imagenum1,imagenum2",
    "mismatchpairsDevTrain": "name,imagenum1,name,imagenum2",
    "mismatchpairsDevTest": "name,imagenum1,name,imagenum2",
    "pairs": "name,imagenum1,imagenum2,",
}


NAMES = [f"Person_{letter}" for letter in "ABCDEFGHIJ"]


def other(name: str) -> str:
    return NAMES[NAMES.index(name) - 1]


ROWS: dict[str, list[str]] = {
    "lfw_allnames": [f"{name},2" for name in NAMES],
    "peopleDevTrain": [f"{name},2" for name in NAMES[:6]],
    "peopleDevTest": [f"{name},2" for name in NAMES[6:]],
    "matchpairsDevTrain": ["Person_A,1,2"],
    "matchpairsDevTest": ["Person_G,1,2"],
    "mismatchpairsDevTrain": ["Person_A,1,Person_B,2"],
    "mismatchpairsDevTest": ["Person_G,2,Person_H,1"],
    "pairs": [row for name in NAMES for row in (f"{name},1,2,", f"{name},1,{other(name)},2")],
    "people": [row for name in NAMES for row in (f"{name},2", ",")],
}


def write_list(folder: Path, name: str, rows: Sequence[str], end: str = "\r\n") -> Path:
    path = folder / f"{name}.csv"
    path.write_bytes(end.join([HEADERS[name], *rows]).encode())
    return path
