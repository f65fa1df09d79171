"""What tests of fetching share."""

from pathlib import Path

from lfw.catalog import expand_paths, read_catalog
from lfw.fetch import Fetched, fetch
from lfw.parameters import TrainParameters
from lfw.sources import Source
from lfw.split import Split, draw_split, sample_images, select_people
from lfw.threads import Progress


def fetch_archive(archive: Path, data: Path) -> Fetched:
    return fetch(Source("archive", str(archive)), data)


def names(data: Path) -> set[str]:
    return {path.name for path in (data / "datasets").iterdir()} - {".lock"}


class Log:
    """Keeps the titles of long work, and what was told of each."""

    def __init__(self) -> None:
        self.told: dict[str, list[tuple[int, int]]] = {}

    def __call__(self, title: str) -> Progress:
        told = self.told.setdefault(title, [])
        return lambda done, total: told.append((done, total))


def split_of(fetched: Fetched) -> Split:
    people = read_catalog(Path(fetched.dataset.folder)).people
    files = fetched.manifest.images.rename(columns={"path": "image_path"})
    rows = expand_paths(people).merge(files[["image_path", "sha256"]], on="image_path")
    wanted = TrainParameters(top=3, images_per_person=5)
    return draw_split(sample_images(rows, select_people(people, wanted), wanted, 0), [], 0)


DYING = """
import importlib, os, signal, sys
from pathlib import Path
from lfw.fetch import fetch
from lfw.sources import Source

archive, data, module, name, calls = sys.argv[1:]
module, left = importlib.import_module(module), int(calls)
function = getattr(module, name)

def dying(*arguments, **named):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments, **named)

setattr(module, name, dying)
fetch(Source("archive", archive), Path(data))
"""
