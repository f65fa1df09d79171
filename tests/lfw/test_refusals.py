"""What is wrong with parameters is told once, and with what to do."""

import pytest

from lfw.errors import InputError
from lfw.parameters import CompareParameters


def test_what_is_joined_by_commas_is_told_once_and_how_to_give_it() -> None:
    with pytest.raises(InputError) as caught:
        CompareParameters.checked(models=("embedding,hog",), seeds=("0,1",))
    said = str(caught.value)
    assert said.startswith("models = 'embedding,hog': Input should be 'embedding', ")
    assert "; seeds = '0,1': Input should be a valid integer" in said
    assert said.count("with a blank and no comma between them") == 2
    assert "at least" not in said


def test_an_empty_list_is_told_to_be_too_short() -> None:
    with pytest.raises(InputError, match=r"^models = \(\): at least 1 is needed\.$"):
        CompareParameters.checked(models=())
