"""Fuzz the reading of lists: `python -m tests.fuzz.lists -runs=1000000`.

The first byte of an input says which of the nine lists the others are.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.running import fuzz

MODULES = ("lfw.catalog",)
_PAIRS = b"".join(b"P%d,1,2,\nP%d,1,Q%d,2\n" % (k, k, k) for k in range(10))
_SEEDS = {
    "people": b"name,images\r\nAnn,2\r\nBob,1\r\n",
    "view1_people_train": b"\xef\xbb\xbfname,images\nAnn,2\n",
    "view1_people_test": "name,images\nZo\u00eb,9999\n".encode(),
    "view1_matched_train": b"name,imagenum1,imagenum2\nAnn,1,2\n",
    "view1_matched_test": b"name,imagenum1,imagenum2\rAnn,1,2\r",
    "view1_mismatched_train": b"name,imagenum1,name,imagenum2\nAnn,1,Bob,2\n",
    "view1_mismatched_test": b"name,imagenum1,name,imagenum2\nAnn , 1,Bob,\t2\n,,,\n",
    "view2_pairs": b"name,imagenum1,imagenum2,\n" + _PAIRS,
    "view2_people": b"name,images\n" + b"\n,\n".join(b"P%d,1" % k for k in range(10)),
}


def target(folder: Path) -> Callable[[bytes], None]:
    """Make the function that reads one input, and sees that it is refused by name or is whole."""
    from lfw.catalog import LISTS, read_list
    from lfw.errors import LfwError

    names = list(LISTS)

    def read_one(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else names[0]
        path = folder / LISTS[name][0]
        path.write_bytes(data[1:])
        try:
            frame = read_list(folder, name)
        except LfwError as error:
            assert str(path) in str(error), error
        else:
            assert not frame.drop(columns="fold", errors="ignore").isna().any().any()
            for column in frame.columns.intersection(["name", "name1", "name2"]):
                assert not frame[column].str.contains("/", regex=False).any()
        finally:
            path.unlink()

    return read_one


def seeds() -> list[bytes]:
    """Give each list, whole and small, and nothing."""
    return [bytes([k]) + content for k, content in enumerate(_SEEDS.values())] + [b""]


if __name__ == "__main__":
    fuzz(MODULES, target, seeds(), sys.argv[1:])
