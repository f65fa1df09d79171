"""An embedding in a folder: network, manifest of the people it saw, their spread, and a card."""

import json
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lfw.digest import file_digest
from lfw.embedding.cohort import Cohort
from lfw.errors import DataError
from lfw.files import new_folder_beside
from lfw.spread import Spread

if TYPE_CHECKING:
    import keras

NETWORK, MANIFEST, CARD = "embedding.keras", "manifest.csv", "card.json"
SPREAD = "spread.npz"
FILES = (NETWORK, MANIFEST, CARD, SPREAD)
"""What an embedding is made of; those learned before there was a spread have none."""

_SPREAD = "spread_sha256"

SHIPPED = Path(__file__).parent / "shipped"
"""The embedding that comes with the project, learned from LFW without the 62 people who have 20 or
more images."""


@dataclass(frozen=True)
class Embedding:
    """An embedding on disk, seen to be whole.

    Attributes
    ----------
    folder
        Where its files are.
    card
        How it was made: ``network_sha256``, ``cohort_digest``, ``seed``, ``epochs``, and more.
    cohort
        The manifest of the images it was trained on.
    """

    folder: Path
    card: dict[str, Any]
    cohort: Cohort

    @property
    def digest(self) -> str:
        """SHA-256 of the network's file."""
        return str(self.card["network_sha256"])

    @property
    def files(self) -> dict[str, Path]:
        """Its files, by name."""
        kept = FILES if _SPREAD in self.card else tuple(name for name in FILES if name != SPREAD)
        return {name: self.folder / name for name in kept}

    @property
    def spread(self) -> Spread | None:
        """How far vectors of one person lie from each other, of those it was learned from."""
        return Spread.read(self.folder / SPREAD) if _SPREAD in self.card else None

    @property
    def network(self) -> "keras.Model":
        """The network: from raw pixels (n, 250, 250, 3), 0 to 255, to vectors.

        The one that was read last is given again wherever its file is: to read it and to ask it for
        the first time takes seconds, and several stages of a run do.
        """
        return _read_network(_Saved(self.digest, self.folder / NETWORK))


@dataclass(frozen=True)
class _Saved:
    """A network's file: the same one wherever it is, if its digest is the same."""

    digest: str
    path: Path = field(compare=False)


@lru_cache(maxsize=1)
def _read_network(saved: _Saved) -> "keras.Model":
    import keras

    import lfw.layers  # noqa: F401 (the network is made of its layers)

    return keras.models.load_model(saved.path, compile=False, safe_mode=True)


def write_embedding(
    folder: Path,
    network: "keras.Model",
    cohort: Cohort,
    card: dict[str, Any],
    spread: Spread | None = None,
) -> None:
    """Write an embedding into a folder that is there.

    Parameters
    ----------
    folder
        Where to.
    network
        From raw pixels to vectors.
    cohort
        Whom it was learned from.
    card
        How it was made; the digests are added.
    spread
        That of the vectors of those it was learned from.
    """
    pack(network, folder / NETWORK)
    cohort.write(folder / MANIFEST)
    known: dict[str, Any] = {
        "network_sha256": file_digest(folder / NETWORK),
        "manifest_sha256": file_digest(folder / MANIFEST),
        "cohort_digest": cohort.digest,
        "people_seen": len(cohort.seen),
    }
    if spread is not None:
        spread.write(folder / SPREAD)
        known[_SPREAD] = file_digest(folder / SPREAD)
    (folder / CARD).write_text(json.dumps(card | known, indent=1) + "\n", encoding="utf-8")


def read_embedding(folder: Path) -> Embedding:
    """Read an embedding, and see that its files are those that its card speaks of.

    Raises
    ------
    DataError
        If a file is missing or changed.
    """
    try:
        card = dict(json.loads((folder / CARD).read_text(encoding="utf-8")))
        kept = [(NETWORK, "network_sha256"), (MANIFEST, "manifest_sha256"), (SPREAD, _SPREAD)]
        for name, key in kept if _SPREAD in card else kept[:2]:
            if file_digest(folder / name) != card[key]:
                raise DataError(f"{folder / name} is not the file that {CARD} speaks of: {_MEND}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} holds no embedding: {error!r}: {_MEND}") from error
    return Embedding(folder, card, Cohort.read(folder / MANIFEST))


_MEND = "bring the folder back, or learn it anew with lfw pretrain."


def pack(network: "keras.Model", path: Path) -> None:
    """Write a network in Keras' own format, compressed: a `.keras` file is a zip."""
    with new_folder_beside(path) as partial:
        plain = partial / "plain.keras"
        network.save(plain)
        small = partial / path.name
        with zipfile.ZipFile(plain) as given, zipfile.ZipFile(small, "w") as taken:
            for name in given.namelist():
                taken.writestr(name, given.read(name), zipfile.ZIP_DEFLATED, 9)
        small.replace(path)
