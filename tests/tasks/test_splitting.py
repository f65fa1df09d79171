"""A split is checked against what an embedding has seen, by people and by photographs."""

import pandas as pd
import pytest

from lfw.embedding.cohort import Cohort
from lfw.errors import InputError
from lfw.split import draw_split
from tasks.splitting import _check_unseen
from tests.lfw.named_images import images_of, path_of, sha

IMAGES = images_of({"Ann": 10, "Bob": 10, "Eve": 3})
SPLIT = draw_split(IMAGES[IMAGES["name"] != "Eve"], [], 0)
SEEN = Cohort(IMAGES[IMAGES["name"] == "Eve"].assign(role="train"))


def test_a_photograph_that_was_learned_under_another_name_is_refused() -> None:
    _check_unseen(SEEN, SPLIT, IMAGES, [(path_of("Eve", 1), path_of("Eve", 2))])
    doubled = (path_of("Ann", 4), path_of("Eve", 2))
    with pytest.raises(InputError, match=rf"Eve \(by {path_of('Eve', 2)}\)"):
        _check_unseen(SEEN, SPLIT, IMAGES, [doubled])


def test_a_person_that_was_learned_is_refused_by_name() -> None:
    learned = Cohort(pd.concat([SEEN.rows, IMAGES[IMAGES["name"] == "Bob"].assign(role="train")]))
    with pytest.raises(InputError, match="trained on Bob: testing it on them would be a leak"):
        _check_unseen(learned, SPLIT, IMAGES, [])
    assert sha(path_of("Bob", 1)) in set(learned.rows["sha256"])
