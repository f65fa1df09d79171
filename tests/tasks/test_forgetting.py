"""What is kept of people who are forgotten goes, wherever it came from and in whatever state."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from numpy.typing import NDArray

from lfw.embedding.vectors import vectors_of
from lfw.errors import InputError
from lfw.fetch import fetch
from lfw.files import PARTIAL
from lfw.forgetting import RECORD
from lfw.manifest import build_manifest
from lfw.pack import PACK
from lfw.parameters import ForgetParameters
from lfw.sources import Source
from tasks.data import fetch_dataset
from tasks.forgetting import Removed, _remove_pictures, check_known, remove_images
from tasks.lineage import holding
from tasks.runs import LinkedRun
from tasks.stages import Work
from tests.conftest import files_in

PERSON = "Ann_Lee"
ROWS = "image_path,truth,answer\n{0}/{0}_0001.jpg,{0},Bob\n"


def tell(client: MlflowClient, experiment: str, person: str) -> str:
    """Log a run that shows somebody."""
    run_id = str(client.create_run(experiment).info.run_id)
    client.log_text(run_id, ROWS.format(person), "evaluate/mistakes.csv")
    client.log_text(run_id, "a picture", "evaluate/mistakes.png")
    client.log_text(run_id, "a page with pictures", "report.html")
    return run_id


def test_an_empty_form_forgets_nobody_and_says_so() -> None:
    with pytest.raises(InputError, match=r"^people: nobody is named"):
        check_known(ForgetParameters())


@pytest.mark.usefixtures("store")
def test_they_go_from_runs_and_experiments_that_were_deleted(tmp_path: Path) -> None:
    client = MlflowClient()
    kept = client.create_experiment("kept", str(tmp_path / "kept"))
    gone = client.create_experiment("gone", str(tmp_path / "gone"))
    shown = [tell(client, kept, PERSON), tell(client, kept, PERSON), tell(client, gone, PERSON)]
    other = tell(client, kept, "Ann_Leeds")
    client.delete_run(shown[1])
    client.delete_experiment(gone)

    assert _remove_pictures({PERSON}) == 2 * len(shown)

    left = {path.parent for path in tmp_path.rglob("report.html")}
    left |= {path.parent.parent for path in tmp_path.rglob("mistakes.png")}
    assert left == {tmp_path / "kept" / other / "artifacts"}
    assert "report.html removed" in client.get_run(shown[0]).data.tags["forgotten"]
    assert _remove_pictures({PERSON}) == 0


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("text", ["", "a\nb,c\n"])
def test_pictures_of_whom_it_is_not_known_go_too(text: str, tmp_path: Path) -> None:
    client = MlflowClient()
    run_id = tell(client, client.create_experiment("kept", str(tmp_path / "kept")), "Bob")
    client.log_text(run_id, text, "evaluate/mistakes.csv")
    assert _remove_pictures({PERSON}) == 2


@pytest.fixture
def mine(sample_folder: Path, tmp_path: Path) -> Path:
    """A data set of the user's own."""
    return Path(shutil.copytree(sample_folder, tmp_path / "mine"))


def read(data: Path, folder: Path) -> None:
    """Read a data set as a run does, and keep a vector of each image."""
    fetch_dataset.fn(
        Source("folder", str(folder)), data, Work(readings(data), lambda _: None, "a run")
    )
    images = build_manifest(folder).images
    keep_vectors(data, images["sha256"].tolist())


def readings(data: Path) -> Path:
    return data / "stages" / "fetch-and-unpack"


def keep_vectors(data: Path, sha256: list[str]) -> None:
    def measure(paths: list[str]) -> NDArray[np.float32]:
        return np.ones((len(paths), 2), np.float32)

    vectors_of(sha256, sha256, measure, data / "vectors" / "network.npz")


def kept_vectors(data: Path) -> set[str]:
    with np.load(data / "vectors" / "network.npz") as saved:
        return set(saved["sha256"].tolist())


def remove(data: Path, *people: str) -> Removed:
    return remove_images.fn(
        LinkedRun(data, "a run", lambda _: None), ForgetParameters(people=people)
    )


def shown(folder: Path) -> dict[str, set[str]]:
    """Give the digests of everybody's images, people with more images first."""
    images = build_manifest(folder).images
    by_person = images["sha256"].groupby(images["path"].str.split("/").str[0])
    return {
        str(name): set(found) for name, found in sorted(by_person, key=lambda one: -len(one[1]))
    }


def test_asked_twice_without_a_run_between_it_removes_the_vectors_of_both(
    store: Path, mine: Path
) -> None:
    read(store, mine)
    (first, its), (second, seconds), *others = shown(mine).items()
    rest = set().union(*(digests for _, digests in others))
    assert remove(store, first).vectors == len(its)
    assert kept_vectors(store) == seconds | rest
    check_known(ForgetParameters(people=(second,)))
    again = remove(store, second)
    assert kept_vectors(store) == rest
    assert again.vectors == len(seconds)
    assert again.yours == [str(mine)], "it is named the second time, too"


def test_what_is_left_of_a_reading_names_them_no_more_and_is_no_result(
    store: Path, mine: Path
) -> None:
    read(store, mine)
    (first, _), (second, _), *_ = shown(mine).items()
    remove(store, first)
    read(store, mine)
    remove(store, second)
    [left] = readings(store).glob("*/manifest.csv")  # of two that say the same
    text = "".join(path.read_text() for path in left.parent.iterdir())
    assert first not in text
    assert second not in text
    assert holding(store, [first, second]) == []
    (store / RECORD).unlink()
    read(store, mine)
    assert any(first in path.read_text() for path in readings(store).glob("*/manifest.csv"))


def test_vectors_that_nobody_knows_whose_they_are_go(store: Path, mine: Path) -> None:
    (person, digests), *others = shown(mine).items()
    keep_vectors(store, sorted(digests))  # an earlier removal left them, and no word of them
    read(store, mine)
    shutil.rmtree(readings(store))
    shutil.copytree(mine, store / "datasets" / "sample-copy")
    shutil.rmtree(next((store / "datasets" / "sample-copy").rglob(person)))
    remove(store, person)
    assert kept_vectors(store) == set().union(*(others_ for _, others_ in others))


@pytest.mark.parametrize("file", ["dataset.json", "manifest.csv", "stage.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "a,b\n1,2\n"])
def test_a_damaged_reading_is_removed_like_any_other(
    file: str, text: str, store: Path, mine: Path
) -> None:
    read(store, mine)
    person = next(iter(shown(mine)))
    [reading] = readings(store).iterdir()
    (reading / file).write_text(text)
    remove(store, person)
    assert not kept_vectors_of(store) & shown(mine)[person]
    assert not any(person in path.read_text() for path in readings(store).glob("*/*"))


def kept_vectors_of(data: Path) -> set[str]:
    return kept_vectors(data) if (data / "vectors" / "network.npz").exists() else set()


def test_a_damaged_copy_goes_and_the_next_loses_their_images(
    store: Path, sample_zip: Path, mine: Path
) -> None:
    pack = Path(fetch(Source("archive", str(sample_zip)), store).dataset.folder) / PACK
    pack.write_bytes(pack.read_bytes()[:-1])
    fine = Path(shutil.copytree(mine, store / "datasets" / "sample-fine"))
    (store / "datasets" / "archive-empty").mkdir()
    person, digests = next(iter(shown(mine).items()))
    keep_vectors(store, sorted(digests))
    removed = remove(store, person)
    assert removed.images == {str(fine): len(digests)}
    assert removed.wholly == sorted([str(pack.parent), str(pack.parent.with_name("archive-empty"))])
    assert not kept_vectors_of(store)
    assert not [path for path in files_in(store) if f"{person}_" in path or PARTIAL in path]
