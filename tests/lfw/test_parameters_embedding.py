"""A version of an embedding is taken where something rests on it, and refused elsewhere."""

import pytest

from lfw.errors import InputError
from lfw.parameters import (
    CompareParameters,
    PretrainParameters,
    TrainParameters,
    VerifyParameters,
)


@pytest.mark.parametrize(("view", "judge"), [("1", "eigenfaces"), ("2", "embedding")])
def test_an_embedding_that_judges_nothing_is_refused(view: str, judge: str) -> None:
    assert VerifyParameters.checked(embedding="3").label == "view 1 · embedding 3 · seed 0"
    assert VerifyParameters.checked(view=view, judge=judge).embedding == "champion"
    with pytest.raises(InputError, match="embedding = 3: only view 1 judged by an embedding"):
        VerifyParameters.checked(view=view, judge=judge, embedding="3")


def test_cells_of_a_comparison_rest_on_the_embedding_asked_for() -> None:
    asked = CompareParameters.checked(embedding="3", seeds=(1, 2))
    assert asked.label == "embedding, hog · 6x75 · 2 seeds · embedding 3"
    for cell in asked.cells():
        assert cell.embedding == ("3" if cell.model == "embedding" else "champion")
    assert {cell.embedding for cell in CompareParameters().cells()} == {"champion"}


def test_an_embedding_that_nothing_rests_on_is_refused() -> None:
    assert TrainParameters.checked(embedding="3").embedding == "3"
    with pytest.raises(InputError, match="embedding = 3: hog rests on none: leave embedding out"):
        TrainParameters.checked(model="hog", embedding="3")
    with pytest.raises(InputError, match="embedding = 3: none of the models rests on one"):
        CompareParameters.checked(models=("hog", "compact"), embedding="3")


def test_help_names_the_epochs_that_an_embedding_is_learned_in() -> None:
    from lfw.embedding.pretraining import PretrainRecipe

    said = PretrainParameters.model_fields["epochs"].description
    assert said is not None
    assert f"; {PretrainRecipe().epochs} if empty." in said
    assert VerifyParameters.model_fields["epochs"].description == said
