"""The audit's benchmark does what a command does again, and counts who finds what is damaged."""

import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import audit
from benchmarks.audit import count_unopened, fetch_again, hash_alone
from benchmarks.data import Data, bring
from lfw.errors import DataError
from lfw.image_store import read_image
from lfw.sources import Source
from tests.conftest import spoil_image


def test_audit_finds_what_the_loop_does_not(data: Data) -> None:
    result = audit.run(data, rounds=2, part=0, duplicates=True)
    assert all(value > 0 for claim in result.claims for value in claim.rounds)
    goals = {claim.what: claim.goal for claim in result.claims if claim.goal is not None}
    again = (
        "audit of an archive again, as `fetch` does it: SHA-256 of the archive and of every file"
    )
    assert goals[again] == 0.4
    assert len(result.claims) == 10
    assert result.setting["cleanvision"] == "left out"
    assert result.command == "python -m benchmarks.audit --rounds 2"
    cut = result.setting["images cut short"]
    assert cut == result.setting["found by the audit"] == min(200, len(data.paths))
    assert cut == result.setting["found by Pillow load"]
    assert result.setting["found by the audit of them as they are"] == 0
    opened = result.setting["found by the loop over sizes, which skips what raises"]
    assert isinstance(opened, int)
    assert 0 < opened < len(data.paths) / 5


def test_what_is_no_archive_is_not_called_one(sample_folder: Path, tmp_path: Path) -> None:
    result = audit.run(bring(str(sample_folder), tmp_path), rounds=1, part=0, duplicates=False)
    whats = [claim.what for claim in result.claims]
    assert not any("archive" in what for what in whats)
    assert "audit of a folder of files again, as `fetch` does it: SHA-256 of every file" in whats
    assert len(whats) == 7, "nothing is audited a second time as a folder"


def test_what_was_made_anew_or_has_changed_is_no_audit_again(
    sample_zip: Path, sample_folder: Path, tmp_path: Path
) -> None:
    packed = bring(str(sample_zip), tmp_path / "packed")
    fetch_again(packed, packed.source)
    spoil_image(tmp_path / "packed")
    with pytest.raises(DataError, match="changed while it was measured"):
        fetch_again(packed, packed.source)
    own = shutil.copytree(sample_folder, tmp_path / "own")
    found = bring(str(own), tmp_path / "data")
    fetch_again(found, Source("folder", str(own)))
    (found.images / found.paths[0]).write_bytes(b"another")
    with pytest.raises(DataError, match="changed while it was measured"):
        fetch_again(found, Source("folder", str(own)))


def test_the_loop_is_counted_where_it_raises(data: Data, tmp_path: Path) -> None:
    content = read_image(data.images / data.paths[0])
    kept = {"whole": len(content), "half": len(content) // 2, "header": 100, "empty": 0}
    for name, length in kept.items():
        (tmp_path / name).write_bytes(content[:length])
    assert count_unopened(tmp_path, list(kept)) == 2


@pytest.mark.parametrize("archived", [True, False])
def test_hashing_alone_needs_no_archive(archived: bool, sample_zip: Path) -> None:
    hash_alone(sample_zip if archived else None, [b"one", b"two"])


def test_a_result_that_lacks_a_goal_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "_has_cleanvision", lambda: False)
    monkeypatch.setattr(sys, "argv", ["audit", "--source", "sample", "--keep", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert ended.value.code == 2
    assert "make setup EXTRAS=" in capsys.readouterr().err
