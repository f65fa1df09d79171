"""Every benchmark measures what it says, at sizes of seconds; its figures are not looked at."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyinstrument.frame import Frame
from pyinstrument.session import Session

from benchmarks import (
    augmentation,
    growth,
    profile,
    ready,
    scaling,
    startup,
    verification,
)
from benchmarks.__main__ import VARIANTS
from benchmarks.contest import Result
from benchmarks.data import Data
from benchmarks.peers.notebook import list_images
from benchmarks.processes import most_held, most_held_from_now
from benchmarks.processes import run as run_module
from benchmarks.report import fill
from lfw.images import read_many
from lfw.manifest import build_manifest
from lfw.serving import model_file

ROOT = Path(__file__).parents[2]
BESIDE = {
    "accuracy_without_the_top_6_53b3c0_6x75",
    "accuracy_without_the_top_6_53b3c0_6x75_60_from_1000",
    "accuracy_6x75_60_from_1000",
}
"""Results that are kept beside the usual ones of a benchmark."""


def checked(result: Result, claims: int, rounds: int = 1) -> Result:
    assert len(result.claims) == claims
    assert all(value > 0 for claim in result.claims for value in claim.rounds)
    assert all(len(seconds) == rounds for seconds in result.taken.values())
    return result


def test_ready_measures_the_work_and_its_floors(data: Data, sample_zip: Path) -> None:
    checked(ready.run(data, sample_zip, rounds=1), 3)


def test_the_floors_of_ready_read_the_same_images(
    data: Data, sample_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[np.ndarray] = []

    def stack(pixels: list[np.ndarray]) -> None:
        read.append(np.array(pixels))

    members = [f"{data.inside}/{path}" for path in data.paths[3:40]]
    monkeypatch.setattr(np, "stack", stack)
    ready.in_place(sample_zip, members)
    ready.every_member(sample_zip, members)
    monkeypatch.undo()
    wanted = read_many(data.images, data.paths[3:40])
    assert len(read) == 2
    for pixels in read:
        np.testing.assert_array_equal(pixels, wanted)


@pytest.mark.parametrize("model", ["hog", "embedding"])
@pytest.mark.long
def test_the_script_comes_to_an_accuracy(model: str, sample_zip: Path, tmp_path: Path) -> None:
    asked = ["benchmarks.peers.script", str(sample_zip), str(tmp_path), model]
    accuracy = float(run_module(asked, {"LFW_DATA": str(tmp_path)}).output.split()[-1])
    assert accuracy > 0.4, "of six people"
    assert model_file(tmp_path).exists()
    drawn = {"split", "confusion", "calibration", "comparison", "people", "distribution"}
    assert drawn <= {path.stem for path in tmp_path.glob("*.png")}


def test_startup_runs_commands_to_their_end(tmp_path: Path) -> None:
    startup.call([sys.executable, "-c", "raise SystemExit(1)"], tmp_path)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        startup.call([sys.executable, "-c", "1 / 0"], tmp_path)


@pytest.mark.parametrize("stage", growth.STAGES)
def test_growth_works_on_generated_sets(stage: str, data: Data, tmp_path: Path) -> None:
    took = growth.stage_of(stage, data.as_files(tmp_path)[1])
    assert took["seconds"] > 0
    assert 0 <= took["megabytes"] < 100
    assert took["whole"] > 50 + took["megabytes"]
    people = data.people[data.people["images"] >= 10] if stage == "split" else data.people
    assert took["images"] == people["images"].sum()


def test_growth_to_other_factors_is_kept_beside_the_usual_table() -> None:
    result = growth.run(600, [1, 2], rounds=1)
    whole = [claim for claim in result.claims if "whole process" in claim.against]
    assert len(whole) == 2, "of audit and split"
    assert all(-50 < claim.median < 50 for claim in whole), "next to nothing, of 600 images more"
    left = [claim for claim in result.claims if claim not in whole]
    checked(replace(result, claims=left), 6)
    assert result.name == "growth_2"
    assert result.command == "python -m benchmarks.growth --factors 1,2 --rounds 1"
    asked = fill("<!-- benchmark growth_2 -->\n<!-- end -->", {})
    assert "`python -m benchmarks.growth --factors 1,2 --keep benchmarks/results`" in asked


@pytest.mark.parametrize("graph", [False, True])
def test_batches_are_taken_as_often_as_said(graph: bool) -> None:
    taken: list[float] = []

    def batch(number: np.int64) -> np.int64:
        time.sleep(0.002)
        taken.append(time.perf_counter())
        return number

    import tensorflow as tf

    from lfw.batches import untuned

    numbers = tf.data.Dataset.range(1000)
    made = untuned(numbers.map(lambda k: tf.numpy_function(batch, [k], tf.int64)))
    measure = augmentation.many(made, 3, augmentation.within_a_graph(4) if graph else None)
    measure(0)  # traced
    taken.clear()
    since = time.perf_counter()
    seconds = measure(0)
    assert seconds is not None
    assert len(taken) == augmentation._MORE * 3
    assert taken[-1] - taken[0] < augmentation._MORE * seconds <= time.perf_counter() - since


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no mark that can be put back")
def test_what_was_held_before_does_not_hide_what_is_held_now() -> None:
    del_me = np.ones(80_000_000, np.uint8)
    del del_me
    before = most_held_from_now()
    held = np.ones(40_000_000, np.uint8)
    assert 35 < most_held() - before < 60
    assert held.all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no mark of its own")
def test_what_a_starting_process_held_is_not_in_what_the_started_one_holds() -> None:
    held = np.ones(300_000_000, np.uint8)
    script = "from benchmarks.processes import most_held; print(most_held())"
    started = [sys.executable, "-c", script]
    done = subprocess.run(started, cwd=ROOT, check=True, capture_output=True, text=True)
    assert held.all()
    assert float(done.stdout) < 150


def test_scaling_measures_every_stage_at_every_size() -> None:
    result = checked(scaling.run([200, 400], rounds=1), 0)
    shown = [line.split(" | ")[0].removeprefix("| ") for line in result.page.splitlines()[2:]]
    assert shown == list(scaling.STAGES)
    assert len(result.taken) == 2 * 2 * len(shown)


def test_what_grows_with_the_square_is_told_from_what_grows_with_the_size() -> None:
    sizes = [1000, 4000, 16000]
    straight, squared = [5 + n / 100 for n in sizes], [5 + n / 100 + n * n / 1e6 for n in sizes]
    assert scaling.extrapolate(sizes, straight, False, 10**6) == pytest.approx(10_005)
    assert scaling.extrapolate(sizes, straight, True, 10**6) == pytest.approx(10_005)
    assert scaling.extrapolate(sizes, squared, True, 10**6) == pytest.approx(1_010_005)
    steeper = [n**1.1 for n in sizes]  # no line fits: what was measured last is kept
    assert scaling.extrapolate(sizes, steeper, False, 16000) == pytest.approx(steeper[-1])
    assert scaling.slope(sizes, [n**2 / 7 for n in sizes]) == pytest.approx(2)


def test_notebook_lists_the_images_that_there_are(data: Data) -> None:
    assert sorted(list_images(data.folder)["path"]) == data.paths


def test_the_peers_get_the_same_images_as_files(data: Data, tmp_path: Path) -> None:
    folder, images = data.as_files(tmp_path)
    assert build_manifest(folder).data_digest == data.fetched.dataset.data_digest
    assert images == folder / data.inside
    assert sorted(str(path.relative_to(images)) for path in images.rglob("*.jpg")) == data.paths


def test_command_is_measured_with_all_it_starts() -> None:
    ran = run_module(["timeit", "-n", "1", "-r", "1", "x = bytearray(200 << 20)", "import time",
                      "time.sleep(1)"])  # fmt: skip
    assert ran.seconds > 1
    assert ran.megabytes > 200
    assert "loop" in ran.output
    with pytest.raises(RuntimeError, match="No module named nothing_of_it"):
        run_module(["nothing_of_it"])


# Two parse theirs by the same function, and import for seconds; pretraining is run once.
APART = {"orchestration", "scoring", "pretraining"}


@pytest.mark.parametrize("name", sorted({one.module for one in VARIANTS.values()} - APART))
def test_each_takes_rounds_and_a_folder_to_keep(name: str) -> None:
    """And nothing slow is imported before it is asked for anything."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"--rounds", "--json", "--keep"} <= set(done.stdout.replace("[", " ").split())


def verified(folds: list[float]) -> verification.Found:
    return {
        "folds": [{"accuracy": accuracy} for accuracy in folds],
        "accuracy": 0.9,
        "standard_error": 0.0042,
        "auc": 0.9614,
        "tar_at_far_1": 0.663,
        "pairs": 6000,
        "matched": 3000,
        "protocol": "LFW, unrestricted, no outside data",
        "how": "by lot",
    }


def test_verification_keeps_every_fold_and_says_what_measures_it() -> None:
    found = {"2/embedding": verified([0.88, 0.92]), "1/eigenfaces": verified([0.7])}
    result = verification.result_of(found, "0123456789abcdef")
    assert result.command.endswith("--cells 2/embedding,1/eigenfaces")
    assert result.name == "verification_2_embedding_1_eigenfaces"
    assert result.taken["view 2, embedding: accuracy"] == [0.88, 0.92]
    assert result.setting["of the data"] == "0123456789"
    shown = "| 2 | embedding | 6,000 (3,000) | 0.900 ± 0.004 | 0.961 | 66.3 % |"
    assert result.page.splitlines()[2] == shown
    assert "- View 2, embedding: by lot" in result.page
    assert result.setting["rounds"] is None
    everything = dict.fromkeys(verification.CELLS, verified([0.9]))
    whole = verification.result_of(everything, "0")
    assert (whole.name, whole.command) == ("verification", "python -m benchmarks.verification")


@pytest.mark.long
def test_verification_runs_its_cells(
    sample_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LFW_DATA", str(tmp_path))
    result = verification.measure(str(sample_zip), ["1/eigenfaces", "2/eigenfaces"])
    assert [len(folds) for folds in result.taken.values()] == [1, 10]


def test_profile_tells_imports_from_work() -> None:
    def frame(path: str, function: str, own: float, *inside: Frame) -> Frame:
        seconds = own + sum(child.time for child in inside)
        return Frame(f"{function}\x00{path}\x001", list(inside), seconds)

    pandas = frame("/x/site-packages/pandas/__init__.py", "<module>", 2.0)
    loading = frame("<frozen importlib._bootstrap>", "_load", 0.5, pandas)
    warp = frame("<built-in>", "warpAffine", 1.5)
    cv2 = frame("/x/site-packages/cv2.py", "resize", 3.0, warp)
    asleep = frame("<built-in>", "sleep", 0.25)
    work = frame("/x/lfw/audit.py", "audit", 1.0, cv2, asleep)
    whole = frame("/x/start.py", "main", 0.5, loading, work)
    assert profile.imports(whole) == 2.5
    found = profile.libraries(whole)
    assert found == {"pandas": 2.0, "Python": 1.0, "lfw-flow": 1.0, "cv2": 4.5, "waiting": 0.25}
    assert profile.spent_in(whole, "audit", "lfw/audit.py") == 5.75
    assert profile.spent_in(whole, "audit", "lfw/bias.py") == 0


def test_what_the_profile_tells_apart_is_there() -> None:
    for function, file in profile.APART.values():
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")


def test_profile_sees_imports_in_what_the_profiler_keeps(tmp_path: Path) -> None:
    script, kept = tmp_path / "script.py", tmp_path / "kept.pyisession"
    script.write_text("import time\nimport sklearn.svm\ntime.sleep(0.3)\n")
    asked = ["-r", "pyisession", "-o", str(kept), str(script)]
    subprocess.run([sys.executable, "-m", "pyinstrument", *asked], check=True)
    whole = Session.load(str(kept)).root_frame()
    assert whole is not None
    assert profile.imports(whole) > 0.2
    assert profile.libraries(whole)["waiting"] > 0.2


def test_pages_have_the_figures_that_were_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.report", "--check"], cwd=ROOT, check=False
    )
    assert done.returncode == 0


def test_kept_figures_are_json_of_known_benchmarks() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        kind = path.stem.partition("_")[0]
        assert path.stem in {*VARIANTS, "accuracy", "verification", *BESIDE}
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert kept["page"] if kind in {"accuracy", "scaling", "verification"} else kept["claims"]
