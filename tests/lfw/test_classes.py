"""A person whose name means something else in a model's answers is refused before training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lfw.classes import select_classes
from lfw.errors import InputError
from lfw.parameters import BiasParameters, CompareParameters, TrainParameters
from lfw.peek import check_people
from lfw.serving import UNKNOWN, answers
from lfw.sources import Source

EVEN = np.full((1, 2), 0.5, np.float32)


def people_of(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "images": range(30, 30 - len(names), -1)})


@pytest.mark.parametrize("name", [*answers(EVEN, ("A", "B")).columns[:2], UNKNOWN, "Unknown"])
def test_name_of_an_answer_or_a_column_of_it_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"^people: nobody called {name} can be told apart"):
        select_classes(people_of("Ann", name, "Bob"), TrainParameters(top=2))


@pytest.mark.parametrize("name", ["image_path", "truth", "answer"])
def test_name_of_a_column_of_the_tables_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"called {name} "):
        select_classes(people_of("Ann", name), TrainParameters(people=("Ann", name)))


def test_such_a_name_is_no_matter_where_it_is_not_chosen() -> None:
    people = people_of("Ann", "Bob", "unknown", "name")
    assert select_classes(people, TrainParameters(top=2)) == ["Ann", "Bob"]
    others = people_of("Name", "unknown_man", "NA", "probability_")
    assert len(select_classes(others, TrainParameters(top=4))) == 4


def test_it_is_said_before_anything_is_unpacked(tmp_path: Path) -> None:
    lists = tmp_path / "faces"
    lists.mkdir()
    rows = "".join(f"{name},{count}\n" for name, count in (("name", 9), ("Ann", 8), ("Bob", 7)))
    (lists / "lfw_allnames.csv").write_text("name,images\n" + rows)
    source = Source("folder", str(lists))
    with pytest.raises(InputError, match="nobody called name"):
        check_people(TrainParameters(top=2), source, tmp_path)
    with pytest.raises(InputError, match="nobody called name"):
        check_people(CompareParameters(selections=("2 all",)), source, tmp_path)
    check_people(BiasParameters(top=2), source, tmp_path)  # it trains nothing
    check_people(TrainParameters(people=("Ann", "Bob")), source, tmp_path)
