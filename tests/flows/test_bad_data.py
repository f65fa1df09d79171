"""Bad data, hostile names and planted secrets, from the command line to what a run leaves."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest
from mlflow import MlflowClient

from lfw.files import PARTIAL
from tests.conftest import zip_folder
from tests.flows.workplace import Workplace, prefect_rows
from tests.lfw.bad_images import FAULTY
from tests.lfw.broken_archives import BROKEN
from tests.web import Reply, Site

pytestmark = pytest.mark.faults

EVIL = "<img src=x onerror=alert(1)>"
IMAGES = Path("lfw-deepfunneled") / "lfw-deepfunneled"
CANARY = "c4n4ry-value-of-a-secret"
SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "KAGGLE_API_TOKEN", "KAGGLE_KEY"),
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "MLFLOW_FLASK_SERVER_SECRET_KEY"),
    *("PREFECT_API_AUTH_STRING", "PGPASSWORD", "HF_TOKEN", "SOME_OTHER_SECRET"),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Path:
    """A data set that may be spoilt."""
    return Path(shutil.copytree(sample_folder, tmp_path_factory.mktemp("bad") / "source"))


def most_photographed(source: Path) -> list[str]:
    rows = (source / "lfw_allnames.csv").read_text(encoding="utf-8").splitlines()[1:]
    counts = {row.split(",")[0]: int(row.split(",")[1]) for row in rows if row.strip(", ")}
    return sorted(counts, key=lambda name: -counts[name])


def assert_told(place: Workplace, code: int, out: str, err: str, said: str) -> None:
    """One message at the end, no traceback, nothing half-written, no run left open."""
    *_, last = err.strip().splitlines()
    assert last.startswith("lfw: "), err[-2000:]
    assert re.search(said, last), last
    assert code in (1, 2)
    assert out == ""
    assert "Traceback" not in err
    assert not list(place.data.rglob(f"{PARTIAL}*"))
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    client = MlflowClient()
    experiments = [found.experiment_id for found in client.search_experiments()]
    assert not client.search_runs(experiments, "attributes.status = 'RUNNING'")


# Archives and addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["zip cut at 50%", "web page", "up and out", "symbolic link", "bomb", "encrypted"]
)
def test_a_broken_archive_ends_a_training_in_a_sentence(how: str, place: Workplace) -> None:
    archive = place.folder / "broken.zip"
    archive.write_bytes(BROKEN[how].make())
    before = {path.name for path in (place.data / "datasets").glob("*")}

    asked = ("--source", str(archive), "--top", "2", "--model", "hog")
    code, out, err = place.run("train", *asked)

    assert_told(place, code, out, err, f"broken.zip.*({BROKEN[how].said})")
    assert {path.name for path in (place.data / "datasets").glob("*")} <= {*before, ".lock"}


REPLIES = {
    "404": (Reply(404), "answers 404"),
    "403": (Reply(403), "answers 403"),
    "a circle": (Reply(302, headers={"Location": "/lfw.zip"}), "redirects in a circle"),
    "a web page": (Reply(body=b"<html>Log in</html>"), "is a web page"),
}


@pytest.mark.parametrize("how", REPLIES)
def test_a_bad_address_ends_a_training_in_a_sentence(
    how: str, place: Workplace, http_server: Site
) -> None:
    reply, said = REPLIES[how]
    http_server.replies["/lfw.zip"] = reply
    url = f"{http_server.url}/lfw.zip"
    code, out, err = place.run("train", "--source", url, "--model", "hog", NO_PROXY="127.0.0.1")
    assert_told(place, code, out, err, said)
    assert not [path for path in (place.data / "downloads").glob("*") if "lfw" in path.name]


# Lists and images ------------------------------------------------------------------------------


def _first_image(source: Path) -> Path:
    return min((source / IMAGES).rglob("*.jpg"))


SPOILING: dict[str, tuple[Callable[[Path], object], str]] = {
    "a list is missing": (lambda f: (f / "pairs.csv").unlink(), r"pairs\.csv is missing"),
    "a list has a wrong count": (
        lambda f: (f / "people.csv").write_text("name,images\nAnn,-3\n"),
        r"people\.csv:2: '-3' is not a number",
    ),
    "a list is Latin-1": (
        lambda f: (f / "people.csv").write_bytes("name,images\nZo\u00eb,2\n".encode("latin-1")),
        r"people\.csv is not UTF-8",
    ),
    "a link": (lambda f: (f / "x.csv").symlink_to("/etc/passwd"), r"x\.csv is a link"),
    "an image is cut short": (
        lambda f: _first_image(f).write_bytes(FAULTY["half.jpg"][0]()),
        "the audit gate fails: .*damaged",
    ),
    "an image claims too much": (
        lambda f: _first_image(f).write_bytes(FAULTY["claims-most.jpg"][0]()),
        "the audit gate fails: .*too large",
    ),
}


@pytest.mark.parametrize("how", SPOILING)
def test_spoilt_lists_and_images_end_an_audit_in_a_sentence(how: str, place: Workplace) -> None:
    spoilt = place.folder / "spoilt"
    shutil.copytree(place.source, spoilt)
    spoil, said = SPOILING[how]
    spoil(spoilt)
    try:
        code, out, err = place.run("audit", "--source", str(spoilt), "--audit-gate", "fail")
    finally:
        shutil.rmtree(spoilt)
    assert_told(place, code, out, err, said)


def test_bad_images_are_listed_where_the_gate_lets_them_pass(place: Workplace) -> None:
    spoilt = place.folder / "spoilt"
    shutil.copytree(place.source, spoilt)
    spoiled = sorted((spoilt / IMAGES).rglob("*.jpg"))[: len(FAULTY)]
    for path, (make, _, _) in zip(spoiled, FAULTY.values(), strict=True):
        path.write_bytes(make())
    try:
        code, out, err = place.run("audit", "--source", str(spoilt), "--json")
    finally:
        shutil.rmtree(spoilt)
    assert code == 0, err
    found = json.loads(out)["audit"]["problems"]
    assert sum(found.values()) >= len(FAULTY) - 3  # of the png ones, some are well named as .jpg
    assert {"unreadable", "damaged", "too large", "mislabelled", "off size"} <= set(found)


# Parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--people", "Nobody_At_All", "Nor_This_One"), "nobody called Nobody_At_All"),
        (("--people", "Only_One"), "at least 2"),
        (("--top", "9999"), r"top = 9999: the data set has \d+ people"),
        (("--top", "3", "--images-per-person", "9999"), "images_per_person = 9999: "),
        (
            ("--top", "3", "--images-per-person", "3", "--test-share", "0.05"),
            "has 3 images, which leaves none for",
        ),
        (("--min-images", "5000"), "min_images = 5000: 0 people"),
    ],
)
def test_wishes_that_cannot_be_met_are_told_in_a_sentence(
    asked: tuple[str, ...], said: str, place: Workplace
) -> None:
    code, out, err = place.run("train", "--source", str(place.source), "--model", "hog", *asked)
    assert code == 2
    assert_told(place, code, out, err, said)


# A hostile name, and secrets -------------------------------------------------------------------


class Elements(HTMLParser):
    """Collects the elements of a page, and the text that is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def renamed(source: Path, target: Path, old: str, new: str) -> Path:
    """Copy a data set in which a person has another name."""
    shutil.copytree(source, target)
    for path in sorted((target / IMAGES / old).iterdir()):
        path.rename(path.with_name(path.name.replace(old, new)))
    (target / IMAGES / old).rename(target / IMAGES / new)
    for path in target.glob("*.csv"):
        text = path.read_bytes().decode()
        path.write_bytes(re.sub(rf"(?m)(^|,){old}(?=,)", rf"\g<1>{new}", text).encode())
    return target


def watch(seen: set[str], stop: threading.Event) -> None:
    """Look at the command line of every process, as anybody on the machine may."""
    while not stop.wait(0.1):
        for process in psutil.process_iter():
            try:
                seen.add(" ".join(process.cmdline()))
            except psutil.Error:
                continue


@pytest.fixture(scope="module")
def hostile(place: Workplace) -> dict[str, Any]:
    """A training on a person with an evil name, with secrets planted in its environment."""
    first, second, third, *_ = most_photographed(place.source)
    source = renamed(place.source, place.folder / "evil", first, EVIL)
    archive = zip_folder(source, place.folder / "evil.zip")
    seen: set[str] = set()
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(seen, stop))
    watcher.start()
    try:
        code, out, err = place.run(
            *("train", "--source", str(archive), "--people", EVIL, second, third),
            *("--images-per-person", "15", "--model", "hog", "--json"),
            **dict.fromkeys(SECRETS, CANARY),
        )
    finally:
        stop.set()
        watcher.join()
    assert code == 0, err[-3000:]
    return {"result": json.loads(out), "out": out, "err": err, "processes": seen}


def test_an_evil_name_is_text_in_the_report(hostile: dict[str, Any], place: Workplace) -> None:
    result = hostile["result"]
    assert EVIL in result["classes"]
    mlflow.set_tracking_uri(f"sqlite:///{place.data}/mlflow/mlflow.db")
    path = mlflow.artifacts.download_artifacts(
        run_id=result["mlflow_run_id"], artifact_path="report.html"
    )
    page = Elements(Path(path).read_text(encoding="utf-8"))
    assert EVIL in page.text
    assert page.handlers == []
    assert "script" not in page.tags


def test_an_evil_name_is_text_in_prefects_artifacts(
    hostile: dict[str, Any], place: Workplace
) -> None:
    rows = prefect_rows(place, "select key, data from artifact where data is not null")
    tables = [str(data) for _, data in rows if "| --- |" in str(data)]
    assert any("&lt;img src=x" in table for table in tables)
    assert not any("<img src=x" in table for table in tables)


def test_an_evil_name_is_text_on_the_contact_sheet(
    hostile: dict[str, Any], place: Workplace
) -> None:
    folder = place.folder / "evil" / IMAGES / EVIL
    version = str(hostile["result"]["model_version"])
    code, out, err = place.run("score", str(folder), "--model-version", version, "--json")
    assert code == 0, err[-3000:]
    [sheet] = json.loads(out)["contact_sheet"]
    page = Elements(Path(sheet).read_text(encoding="utf-8"))
    assert EVIL in page.text
    assert page.handlers == []
    assert "script" not in page.tags


def test_no_secret_is_written_or_shown(hostile: dict[str, Any], place: Workplace) -> None:
    assert len(hostile["processes"]) > 5
    assert not [line for line in hostile["processes"] if CANARY in line]
    assert CANARY not in hostile["out"] + hostile["err"]
    found = subprocess.run(
        ["grep", "--recursive", "--files-with-matches", "--text", CANARY, str(place.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1, found.stdout  # 1: no line matches
    assert len(list(place.data.rglob("*"))) > 100
