"""The audit against the notebook's look at sizes, Pillow's decoding and cleanvision.

    python -m benchmarks.audit                      # the data set that `lfw train` would take
    python -m benchmarks.audit --source sample --rounds 5 --part 0 --json

The notebook opens every image, a file of its own, and asks for its width. The first audit decodes
every image strictly. The audit again is what a command does whose data are at hand: `fetch`, which
takes SHA-256 of the archive and of every file, and compares them with what was recorded. Of an
archive both read the images where the project keeps them, in one file; the peers get them as files
in folders, and so does the project in two rows of their own. Beside the times it is counted who
finds images that are cut short, anywhere from their first byte on; the loop is counted as if it
went on where an image cannot be opened. cleanvision (`--group peers`) sees a part of the images,
and that part is audited for its row, too.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import simplejpeg

from benchmarks.contest import Claim, Contender, Result, Taken, compare, contest, finish, options
from benchmarks.data import Data, bring, same_photos
from benchmarks.peers.loops import load_all, look_at_sizes
from lfw.audit import audit_images
from lfw.digest import file_digest
from lfw.errors import DataError
from lfw.fetch import fetch
from lfw.image_store import read_images
from lfw.images import SIZE
from lfw.manifest import build_manifest
from lfw.sources import Source
from lfw.threads import in_threads

_ROUNDS = 15  # five swing round the goals
_CUT = 200
_NAMED = {
    "archive": "an archive",
    "url": "an archive",
    "folder": "a folder of files",
    "kaggle": "Kaggle's files",
    "sample": "the drawn sample",
}
"""What is audited, by the kind of its source."""
_ADVICE = 'make setup EXTRAS="--group peers", or --part 0 to leave it out'


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
    packed = not root.is_dir()
    contents = [content for content in read_images(root, paths) if content is not None]
    contenders = {
        "decoding alone": lambda _: decode_alone(contents),
        "sizes in a loop": lambda _: discard(look_at_sizes(files, paths)),
        "Pillow load": lambda _: discard(load_all(files, paths)),
        "first audit": lambda _: discard(audit_images(root, paths)),
        "audit again": lambda _: fetch_again(data, data.source),
        "manifest alone": lambda _: discard(build_manifest(data.folder).data_digest),
        "hashing alone": lambda _: hash_alone(data.archive, contents),
    }
    if packed:
        unpacked = Source("folder", str(folder))
        contenders["first audit of a folder"] = lambda _: discard(audit_images(files, paths))
        contenders["audit of a folder again"] = lambda _: fetch_again(data, unpacked)
    if duplicates:
        contenders["duplicates"] = lambda _: discard(same_photos(root, paths, audit))
    taken = contest(contenders, rounds)
    claims = _claims(taken, _NAMED[data.source.kind], of_archive=data.archive is not None)
    seen_by_peer = part and _has_cleanvision()
    if seen_by_peer:
        seen = paths[:part]
        few = _against_cleanvision(root, files, seen, rounds)
        peer = "cleanvision, all it looks for, near duplicates among it"
        words = (f"first audit of {len(seen):,} images", peer)
        claims.append(compare(few, ("part", "cleanvision"), words, 40.0, "least"))
        words = ("the same, and the search for duplicate photographs", peer)
        claims.append(compare(few, ("part and duplicates", "cleanvision"), words, None, "least"))
        taken |= few
    left_out = None if seen_by_peer else "left out"
    setting = {"images": len(paths), "cleanvision": left_out, **cut_images_found(files, paths)}
    command = "python -m benchmarks.audit" + (f" --rounds {rounds}" if rounds != _ROUNDS else "")
    return Result("audit", command, claims, taken, setting)


def fetch_again(data: Data, source: Source) -> None:
    """Do what a command does whose data are at hand.

    Raises
    ------
    DataError
        If something had to be made, or has changed: then it was no audit again.
    """
    found = fetch(source, data.home)
    if found.why is None or found.dataset.data_digest != data.fetched.dataset.data_digest:
        raise DataError(f"{source.location} changed while it was measured.")


def decode_alone(contents: Sequence[bytes]) -> None:
    """Decode images strictly, at a quarter, from memory, in two threads, and do nothing else."""
    side = -(-SIZE // 4)

    def decode(content: bytes) -> None:
        simplejpeg.decode_jpeg(
            content, "GRAY", min_height=side, min_width=side, min_factor=1, strict=True
        )

    for _ in in_threads(decode, contents):
        pass


def hash_alone(archive: Path | None, contents: Sequence[bytes]) -> None:
    """Take SHA-256 of an archive and, in a second thread, of every image, and do nothing else."""
    with ThreadPoolExecutor(1) as pool:
        whole = pool.submit(file_digest, archive) if archive is not None else None
        for content in contents:
            sha256(content).digest()
        if whole is not None:
            whole.result()


def discard(_: object) -> None:
    """Give nothing, so that the seconds count."""


def _has_cleanvision() -> bool:
    return importlib.util.find_spec("cleanvision") is not None


def _claims(taken: Taken, named: str, *, of_archive: bool) -> list[Claim]:
    loop, peer = "sizes in a loop", "`Image.open(p).width` in a loop"
    load, decoder = "Pillow load", "Pillow `load()`"
    first = f"first audit of {named}: all images strictly decoded"
    floor = "floor: strict decoding alone, from memory"
    hashed = "the archive and of every file" if of_archive else "every file"
    again = f"audit of {named} again, as `fetch` does it: SHA-256 of {hashed}"
    part = "its part: SHA-256 of every file, and the table of them"
    least = f"floor: SHA-256 alone of {hashed}, the images from memory"
    claims = [
        compare(taken, ("first audit", loop), (first, peer), 2.0),
        compare(taken, ("first audit", load), (first, decoder), 4.0, "least"),
        compare(taken, ("decoding alone", loop), (floor, peer), None),
        compare(taken, ("decoding alone", load), (floor, decoder), None, "least"),
        compare(taken, ("audit again", loop), (again, peer), 0.4),
        compare(taken, ("manifest alone", loop), (part, peer), None),
        compare(taken, ("hashing alone", loop), (least, peer), None),
    ]
    more = {
        "first audit of a folder": "first audit of a folder of files, not of an archive",
        "audit of a folder again": "the same again, as `fetch` does it: SHA-256 of every file",
        "duplicates": "search for duplicate photographs, part of the audit",
    }
    there = {name: words for name, words in more.items() if name in taken}
    return claims + [
        compare(taken, (name, loop), (said, peer), None) for name, said in there.items()
    ]


def _against_cleanvision(root: Path, files: Path, paths: list[str], rounds: int) -> Taken:
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
    """Cut copies of some images short, and count who finds them.

    Cuts lie anywhere, also within the header, where the loop over sizes fails, too.
    """
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder, names = Path(scratch), []
        for path in paths[:_CUT]:
            content = (root / path).read_bytes()
            names.append(Path(path).name)
            length = int((len(content) - 1) * rng.random())  # at least the end's mark is missing
            (folder / names[-1]).write_bytes(content[:length])
        audit, whole = audit_images(folder, names), audit_images(root, paths[:_CUT])
        return {
            "images cut short": len(names),
            "found by the audit of them as they are": len(whole.unusable),
            "found by the audit": len(audit.unusable),
            "found by Pillow load": load_all(folder, names),
            "found by the loop over sizes, which skips what raises": count_unopened(folder, names),
        }


def count_unopened(folder: Path, paths: Sequence[str]) -> int:
    """Count the images that raise in the loop over sizes, which would end there."""
    raised = 0
    for path in paths:
        try:
            look_at_sizes(folder, [path])
        except OSError:
            raised += 1
    return raised


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = options(__doc__, rounds=_ROUNDS)
    parser.add_argument("--source", default="auto")
    parser.add_argument("--part", type=int, default=2000, help="images for cleanvision; 0: none")
    asked = parser.parse_args()
    if asked.part and not _has_cleanvision():
        if asked.keep is not None:  # nobody would see that a row with a goal is gone
            parser.error(f"what is kept has cleanvision's row, which is not installed: {_ADVICE}")
        print(f"cleanvision is not installed, its rows are left out: {_ADVICE}", file=sys.stderr)
    result = run(bring(asked.source), asked.rounds, asked.part, duplicates=True)
    finish(result, as_json=asked.json, keep=asked.keep)


if __name__ == "__main__":
    main()
