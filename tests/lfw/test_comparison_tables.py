"""A comparison's tables as people read them."""

import pytest

from lfw.comparison_tables import shown_summary, shown_tests

TESTED = {
    "selection": "top 6 x 75",
    "first": "hog",
    "second": "hog_lda",
    "gain": -0.01234567,
    "above": 1,
    "mcnemar_p": 0.5,
    "mcnemar_holm": 1.0,
}


@pytest.mark.parametrize(
    ("seeds", "p", "said"),
    [
        (1, None, "not enough data"),
        (3, None, "all gains equal"),
        (3, 0.02, "0.020, 0.060"),
    ],
)
def test_a_test_without_a_p_value_says_why(seeds: int, p: float | None, said: str) -> None:
    holm = None if p is None else 3 * p
    [shown] = shown_tests([TESTED | {"seeds": seeds, "t_p": p, "t_holm": holm}])
    assert shown == {
        "selection": "top 6 x 75",
        "pair": "hog - hog_lda",
        "gain": "-0.0123",
        "above on": f"1 of {seeds}",
        "t test": said,
        "McNemar": "0.500, 1.000",
    }


def test_a_summary_names_baselines_outside_data_and_no_spread_of_one_split() -> None:
    row = {
        "selection": "3 all",
        "classifier": "dlib",
        "baseline": False,
        "outside_data": True,
        "seeds": 1,
        "test_images": 90,
        **dict.fromkeys(("mean", "min", "max", "low", "high", "macro_f1"), 0.98765),
        "sd": None,
    }
    other = row | {"classifier": "majority", "baseline": True, "outside_data": False, "sd": 0.1}
    first, second = shown_summary([row, other])
    assert first["classifier"] == "dlib (OUTSIDE DATA)"
    assert first["mean [95 %]"] == "0.988 [0.988, 0.988]"
    assert (first["sd"], second["sd"]) == ("", "0.100")
    assert second["classifier"] == "majority (baseline)"
    assert shown_summary([]) == shown_tests([]) == []
