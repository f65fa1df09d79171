"""Learning the default embedding again is timed, and compared with the shipped one."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import pretraining
from benchmarks.contest import Result


def verified(accuracy: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "standard_error": 0.019, "auc": 0.966, "pairs": 407}


def found(accuracy: float) -> Result:
    def card(digest: str, accuracy: float) -> dict[str, Any]:
        return {
            "weights_digest": digest,
            "validation": {"pairs_accuracy": accuracy, "pairs_auc": 0.96},
        }

    cards = card("abc", accuracy), card("def", 0.886)
    judged = [verified(accuracy), verified(0.889)]
    return pretraining.result_of(1800.0, [60.0, 70.0, 61.0], cards, judged)


@pytest.mark.parametrize(("accuracy", "met"), [(0.894, [True, True]), (0.870, [False, False])])
def test_what_is_more_than_a_point_apart_is_told(accuracy: float, met: list[bool]) -> None:
    result = found(accuracy)
    minutes, *apart = result.claims
    assert (minutes.median, minutes.met) == (30.0, True)
    assert [claim.met for claim in apart] == met
    assert apart[0].median == pytest.approx(100 * abs(accuracy - 0.886))
    assert apart[1].sides == (f"{accuracy:.3f} ± 0.019", "0.889 ± 0.019")
    assert result.setting["weights are the shipped ones"] is False
    assert result.setting["seconds of an epoch"] == "61 (70 at most)"


@pytest.mark.long
def test_an_embedding_is_learned_and_judged(
    sample_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def judged(_source: str, folder: Path, version: str) -> dict[str, Any]:
        asked.append((folder.name, version))  # of drawn people too few pairs are left to judge
        return verified(0.9)

    monkeypatch.setattr(pretraining, "_verified", judged)
    monkeypatch.setenv("LFW_DATA", str(tmp_path))
    result = pretraining.measure(str(sample_zip), epochs=1)
    assert len(result.taken["seconds of an epoch"]) == 1
    assert all(len(claim.rounds) == 1 for claim in result.claims)
    assert result.setting["weights are the shipped ones"] is False
    assert asked[0][0] == "learned"
    assert asked[0][1].isdigit()
    assert asked[1] == ("shipped", "champion")
    assert list(tmp_path.iterdir()) == []
