"""The audit against the notebook's look at sizes, Pillow's decoding and cleanvision.

    python -m benchmarks.audit                      # the data set that `lfw train` would take
    python -m benchmarks.audit --source sample --rounds 5 --json

The notebook opens every image, a file of its own, and asks for its width. The first audit decodes
every image strictly; the audit again reads every byte, and compares SHA-256 with what was recorded.
Of an archive both read the images where the project keeps them, in one file; the peers get them as
files in folders, and so does the project in two rows of their own. Beside the times it is counted
who finds images that are cut short. cleanvision
(`--group peers`) sees a part of the images, and that part is audited for its row, too.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import simplejpeg

from benchmarks.contest import (
    ROUNDS,
    Claim,
    Contender,
    Result,
    compare,
    contest,
    finish,
    options,
)
from benchmarks.data import Data, bring, same_photos
from benchmarks.peers.loops import load_all, look_at_sizes
from lfw.audit import audit_images
from lfw.errors import DataError
from lfw.image_store import read_images
from lfw.images import SIZE
from lfw.manifest import build_manifest
from lfw.threads import in_threads

_CUT = 200


def run(data: Data, rounds: int, part: int, *, duplicates: bool) -> Result:
    """Measure.

    Parameters
    ----------
    data
        The images.
    rounds
        That count.
    part
        Images that cleanvision gets, if it is installed; 0 leaves it out.
    duplicates
        Whether the search for duplicate photographs is measured, too.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder, files = data.as_files(Path(scratch))
        return _run(data, folder, files, rounds, part, duplicates=duplicates)


def _run(
    data: Data, folder: Path, files: Path, rounds: int, part: int, *, duplicates: bool
) -> Result:
    root, paths = data.images, data.paths
    audit = audit_images(root, paths)

    def again(_: int) -> None:
        if build_manifest(data.folder).data_digest != data.fetched.manifest.data_digest:
            raise DataError(f"{data.folder} changed while it was measured.")

    contents = [content for content in read_images(root, paths) if content is not None]
    contenders = {
        "decoding alone": lambda _: decode_alone(contents),
        "sizes in a loop": lambda _: discard(look_at_sizes(files, paths)),
        "Pillow load": lambda _: discard(load_all(files, paths)),
        "first audit": lambda _: discard(audit_images(root, paths)),
        "audit again": again,
        "first audit of a folder": lambda _: discard(audit_images(files, paths)),
        "audit of a folder again": lambda _: discard(build_manifest(folder).data_digest),
    }
    if duplicates:
        contenders["duplicates"] = lambda _: discard(same_photos(root, paths, audit))
    taken = contest(contenders, rounds)
    claims = _claims(taken)
    if part and importlib.util.find_spec("cleanvision") is not None:
        seen = paths[:part]
        few = _against_cleanvision(root, files, seen, rounds)
        peer = "cleanvision, all it looks for, near duplicates among it"
        words = (f"first audit of {len(seen):,} images", peer)
        claims.append(compare(few, ("part", "cleanvision"), words, 40.0, "least"))
        words = ("the same, and the search for duplicate photographs", peer)
        claims.append(compare(few, ("part and duplicates", "cleanvision"), words, None, "least"))
        taken |= few
    setting = {"images": len(paths), **cut_images_found(files, paths)}
    command = "python -m benchmarks.audit" + (f" --rounds {rounds}" if rounds != ROUNDS else "")
    return Result("audit", command, claims, taken, setting)


def decode_alone(contents: Sequence[bytes]) -> None:
    """Decode images strictly, at a quarter, from memory, in two threads, and do nothing else."""
    side = -(-SIZE // 4)

    def decode(content: bytes) -> None:
        simplejpeg.decode_jpeg(
            content, "GRAY", min_height=side, min_width=side, min_factor=1, strict=True
        )

    for _ in in_threads(decode, contents):
        pass


def discard(_: object) -> None:
    """Give nothing, so that the seconds count."""


def _claims(taken: dict[str, list[float]]) -> list[Claim]:
    loop = "`Image.open(p).width` in a loop"
    first = "first audit of an archive: all images strictly decoded"
    claims = [
        compare(taken, ("first audit", "sizes in a loop"), (first, loop), 2.0),
        compare(taken, ("first audit", "Pillow load"), (first, "Pillow `load()`"), 4.0, "least"),
        compare(
            taken,
            ("audit again", "sizes in a loop"),
            ("audit of an archive again: SHA-256 of every file", loop),
            0.4,
        ),
    ]
    words = ("floor: strict decoding alone, from memory", loop)
    claims.insert(2, compare(taken, ("decoding alone", "sizes in a loop"), words, None))
    words = ("floor: strict decoding alone, from memory", "Pillow `load()`")
    claims.insert(3, compare(taken, ("decoding alone", "Pillow load"), words, None, "least"))
    words = ("first audit of a folder of files, not of an archive", loop)
    claims.append(compare(taken, ("first audit of a folder", "sizes in a loop"), words, None))
    words = ("the same again", loop)
    claims.append(compare(taken, ("audit of a folder again", "sizes in a loop"), words, None))
    if "duplicates" in taken:
        words = ("search for duplicate photographs, part of the audit", loop)
        claims.append(compare(taken, ("duplicates", "sizes in a loop"), words, None))
    return claims


def _against_cleanvision(
    root: Path, files: Path, paths: list[str], rounds: int
) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            shutil.copyfile(files / path, Path(folder) / Path(path).name)

        def clean(_: int) -> float:
            command = [sys.executable, "-m", "benchmarks.peers.cleaning", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            return float(done.stdout.split()[-1])

        contenders: dict[str, Contender] = {
            "cleanvision": clean,
            "part": lambda _: discard(audit_images(root, paths)),
            "part and duplicates": lambda _: discard(
                same_photos(root, paths, audit_images(root, paths))
            ),
        }
        return contest(contenders, rounds)


def cut_images_found(root: Path, paths: list[str]) -> dict[str, object]:
    """Cut copies of some images short, and count who finds them."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for path in paths[:_CUT]:
            content = (root / path).read_bytes()
            names.append(Path(path).name)
            length = int(len(content) * rng.uniform(0.3, 1.0)) - 2
            (Path(folder) / names[-1]).write_bytes(content[:length])
        audit, whole = audit_images(Path(folder), names), audit_images(root, paths[:_CUT])
        opened = len(names) - len(look_at_sizes(Path(folder), names))
        return {
            "images cut short": len(names),
            "found by the audit of them as they are": len(whole.unusable),
            "found by the audit": len(audit.unusable),
            "found by Pillow load": load_all(Path(folder), names),
            "found by the loop over sizes": opened,
        }


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--part", type=int, default=2000, help="images for cleanvision; 0: none")
    asked = parser.parse_args()
    result = run(bring(asked.source), asked.rounds, asked.part, duplicates=True)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
