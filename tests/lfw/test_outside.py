"""What a model needs beside the project is missed at once, by those alone who ask for it."""

import importlib.util
from pathlib import Path

import pytest

from lfw.download import FetchError
from lfw.errors import InputError
from lfw.imagenet import NAME
from lfw.outside import check_models
from lfw.parameters import AuditParameters, Checked, CompareParameters, TrainParameters
from tests.web import Site


def asking_for(model: str) -> list[Checked]:
    return [TrainParameters(model=model), CompareParameters(models=("hog", model))]


@pytest.fixture
def bare(http_server: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Without the extra dlib, with an empty mirror and an empty data folder."""
    found = importlib.util.find_spec
    missing = {"dlib", "face_recognition_models"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else found(name)
    )
    monkeypatch.setenv("LFW_WEIGHTS_URL", http_server.url)
    monkeypatch.setenv("LFW_DATA", str(tmp_path / "data"))
    return http_server


@pytest.mark.parametrize("wanted", asking_for("dlib"))
def test_a_missing_extra_is_told_with_the_command_that_brings_it(
    wanted: Checked, bare: Site
) -> None:
    command = r'make setup EXTRAS="--extra dlib"'
    with pytest.raises(InputError, match=rf"^model = dlib: dlib cannot .*{command}"):
        check_models(wanted)


@pytest.mark.parametrize("wanted", asking_for("imagenet"))
def test_missing_weights_are_told_with_what_to_do(wanted: Checked, bare: Site) -> None:
    with pytest.raises(FetchError, match=rf"{NAME} answers 404 .* with LFW_WEIGHTS_URL") as caught:
        check_models(wanted)
    assert "--source" not in str(caught.value)
    (bare.folder / NAME).write_bytes(b"weights")
    check_models(wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        TrainParameters(),
        TrainParameters(model="hog"),
        AuditParameters(),
        CompareParameters(
            models=("dlib", "imagenet"), runner="dask", dask_address="tcp://127.0.0.1:1"
        ),
    ],
)
def test_nothing_is_asked_for_other_runs(wanted: Checked, bare: Site) -> None:
    check_models(wanted)
    assert bare.requests == []
