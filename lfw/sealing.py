"""Seals: the digest of a copy of the project's own, kept beside it: no change goes unseen."""

from collections.abc import Callable
from pathlib import Path

from lfw.errors import DataError
from lfw.manifest import Manifest, build_manifest
from lfw.threads import Progress

_SUFFIX = ".sha256"

Report = Callable[[str], Progress | None]
"""Given the title of some long work, gives what is told of its progress."""


def seal_of(folder: Path) -> Path:
    """Give the file that a copy is sealed by."""
    return folder.with_name(folder.name + _SUFFIX)


def sealing(manifest: Manifest) -> str:
    """Give what a copy is sealed with; a pack's directory has checksums that no digest covers."""
    return f"{manifest.data_digest}\n{manifest.directory_sha256}".strip()


def read_sealed(folder: Path, report: Report) -> Manifest | None:
    """Give the manifest of a data set that is there, whole and unchanged; else None."""
    try:
        sealed = seal_of(folder).read_text(encoding="ascii").strip()
        manifest = build_manifest(folder, report("checksums"))
    except (OSError, UnicodeDecodeError, DataError):
        return None
    return manifest if sealing(manifest) == sealed else None


def last_sealed(datasets: Path) -> Path | None:
    """Give the copy of an archive that was sealed last: that which is likely to be asked for."""
    seals = [(seal.stat().st_mtime_ns, seal) for seal in datasets.glob(f"archive-*{_SUFFIX}")]
    return max(seals)[1].with_suffix("") if seals else None
