"""Parameters are checked, and errors say which one is wrong, and what it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw.errors import InputError, printable
from lfw.parameters import (
    MODELS,
    OUTSIDE_DATA,
    AuditParameters,
    BiasParameters,
    Parameters,
    PretrainParameters,
    SelectionParameters,
    TrainParameters,
    VerifyParameters,
)


def test_defaults_are_valid() -> None:
    assert TrainParameters.checked().model_dump() == {
        "source": "auto",
        "experiment": "train-faces",
        "people": None,
        "top": None,
        "min_images": None,
        "images_per_person": "balanced",
        "model": "embedding",
        "embedding": "champion",
        "epochs": None,
        "seed": 0,
        "test_share": 0.2,
        "validation_share": 0.2,
        "strategy": "none",
        "audit_gate": "warn",
        "errata": None,
        "annotations": None,
    }
    assert AuditParameters.checked().experiment == "audit-dataset"
    assert BiasParameters.checked().experiment == "bias-report"
    assert PretrainParameters.checked().model_dump() == {
        "source": "auto",
        "experiment": "pretrain-embedding",
        "exclude_people": None,
        "exclude_top": None,
        "exclude_min_images": None,
        "least_images": 2,
        "epochs": None,
        "seed": 0,
        "audit_gate": "warn",
        "errata": None,
    }
    assert VerifyParameters.checked().model_dump() == {
        "source": "auto",
        "experiment": "verify-faces",
        "view": "1",
        "judge": "embedding",
        "embedding": "champion",
        "fold_groups": 2,
        "epochs": None,
        "seed": 0,
        "audit_gate": "warn",
        "errata": None,
    }


ACCEPTED: list[tuple[str, object]] = [
    ("top", 2),
    ("top", 10_000),
    ("min_images", 3),
    ("min_images", 100_000),
    ("images_per_person", 3),
    ("images_per_person", "all"),
    ("images_per_person", "balanced"),
    *(("model", model) for model in MODELS),
    ("embedding", "12"),
    ("embedding", "challenger"),
    ("epochs", 1),
    ("epochs", 10_000),
    ("seed", 0),
    ("seed", 2**32 - 1),
    ("test_share", 0.05),
    ("test_share", 0.5),
    ("validation_share", 0.05),
    ("validation_share", 0.5),
    ("experiment", "x" * 200),
    ("audit_gate", "fail"),
]


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_value_within_the_bounds_is_taken(name: str, value: object) -> None:
    assert getattr(TrainParameters.checked(**{name: value}), name) == value


REFUSED: list[tuple[str, object, str]] = [
    ("top", 1, "greater than or equal to 2"),
    ("top", 10_001, "less than or equal to 10000"),
    ("top", "many", "valid integer"),
    ("top", 2.5, "valid integer"),
    ("min_images", 2, "greater than or equal to 3"),
    ("min_images", 100_001, "less than or equal to 100000"),
    ("images_per_person", 2, "greater than or equal to 3"),
    ("images_per_person", "most", "'all' or 'balanced'"),
    ("model", "large", "'embedding', 'compact', 'hog', 'notebook', 'dlib' or 'imagenet'"),
    ("embedding", "0", "should match"),
    ("embedding", "champion2", "should match"),
    ("epochs", 0, "greater than or equal to 1"),
    ("epochs", 10_001, "less than or equal to 10000"),
    ("seed", -1, "greater than or equal to 0"),
    ("seed", 2**32, "less than or equal to 4294967295"),
    ("test_share", 0.04, "greater than or equal to 0.05"),
    ("test_share", 0.51, "less than or equal to 0.5"),
    ("test_share", float("nan"), "0.5"),
    ("validation_share", 0.0, "greater than or equal to 0.05"),
    ("validation_share", 1.0, "less than or equal to 0.5"),
    ("source", "", "at least 1 character"),
    ("experiment", "", "at least 1 character"),
    ("experiment", "x" * 201, "at most 200 characters"),
    ("audit_gate", "ignore", "'warn' or 'fail'"),
    ("tops", 6, "not permitted"),
]


@pytest.mark.parametrize(("name", "value", "reason"), REFUSED)
def test_value_outside_is_refused_by_name(name: str, value: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        TrainParameters.checked(**{name: value})

    message = str(caught.value)
    assert message.startswith(f"{name} = {value!r}: ")
    assert reason in message
    assert message.endswith(".")
    assert "\n" not in message


def test_all_that_is_wrong_is_named_once() -> None:
    with pytest.raises(InputError) as caught:
        TrainParameters.checked(top=1, seed=-1)

    assert str(caught.value).count("top = 1: ") == 1
    assert "; seed = -1: " in str(caught.value)


@pytest.mark.parametrize(
    "chosen",
    [
        {"people": ("Ann", "Bob"), "top": 6},
        {"top": 6, "min_images": 20},
        {"people": ("Ann", "Bob"), "min_images": 20},
        {"people": ("Ann", "Bob"), "top": 6, "min_images": 20},
    ],
)
def test_people_are_chosen_in_one_way(chosen: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        SelectionParameters.checked(**chosen)

    who = " and ".join(chosen)
    assert str(caught.value) == (f"choose people in one way, not by {who}: give only one of them.")


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ((), "people names 0, .* at least 2"),
        (("Ann",), "people names 1, .* at least 2"),
        (("Ann", "Bob", "Ann"), "people names Ann more than once"),
        ("Ann", "people = 'Ann': .* tuple"),
        (("Ann", 7), "people = 7: .* string"),
    ],
)
def test_people_are_two_and_different(people: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SelectionParameters.checked(people=people)


@pytest.mark.parametrize(
    ("chosen", "label"),
    [
        ({}, "top 6 x balanced"),
        ({"top": 12, "images_per_person": 75}, "top 12 x 75"),
        ({"min_images": 20, "images_per_person": "all"}, "min 20 x all"),
        ({"people": ("A", "B", "C")}, "3 people (A, B, C) x balanced"),
        ({"people": ("A", "B", "C", "D")}, "4 people (A, B, C, …) x balanced"),
    ],
)
def test_label(chosen: dict[str, object], label: str) -> None:
    assert SelectionParameters.checked(**chosen).label == label


@pytest.mark.parametrize("model", MODELS)
def test_epochs_are_for_models_that_have_some(model: str) -> None:
    assert TrainParameters.checked(model=model).epochs is None
    if model in {"hog", "dlib", "imagenet"}:
        with pytest.raises(
            InputError, match=f"epochs = 3: {model} makes no passes .* leave epochs"
        ):
            TrainParameters.checked(model=model, epochs=3)
    else:
        assert TrainParameters.checked(model=model, epochs=3).epochs == 3


@pytest.mark.parametrize(
    ("view", "judge", "learns"),
    [
        ("1", "embedding", False),
        ("2", "embedding", True),
        ("1", "eigenfaces", False),
        ("2", "eigenfaces", False),
    ],
)
@pytest.mark.parametrize("name", ["epochs", "fold_groups"])
def test_what_learns_is_for_views_that_learn(
    name: str, view: str, judge: str, learns: bool
) -> None:
    chosen = {"view": view, "judge": judge, name: 3}
    if learns:
        assert getattr(VerifyParameters.checked(**chosen), name) == 3
    else:
        with pytest.raises(InputError, match=f"{name} = 3: only view 2 judged by embeddings"):
            VerifyParameters.checked(**chosen)


def test_models_that_learned_elsewhere_are_among_the_models() -> None:
    assert {"dlib", "imagenet"} == OUTSIDE_DATA < set(MODELS)


FURTHER: list[tuple[type[Parameters], str, object, str]] = [
    (PretrainParameters, "exclude_top", 0, "greater than or equal to 1"),
    (PretrainParameters, "exclude_top", 10_001, "less than or equal to 10000"),
    (PretrainParameters, "exclude_min_images", 1, "greater than or equal to 2"),
    (PretrainParameters, "exclude_min_images", 100_001, "less than or equal to 100000"),
    (PretrainParameters, "exclude_people", "Ann", "tuple"),
    (PretrainParameters, "exclude_people", (), "at least 1 is needed"),
    (PretrainParameters, "least_images", 0, "greater than or equal to 1"),
    (PretrainParameters, "least_images", 1001, "less than or equal to 1000"),
    (PretrainParameters, "epochs", 0, "greater than or equal to 1"),
    (PretrainParameters, "top", 6, "not permitted"),
    (VerifyParameters, "view", "3", "'1' or '2'"),
    (VerifyParameters, "view", 1, "'1' or '2'"),
    (VerifyParameters, "judge", "compact", "'embedding', 'hog' or 'eigenfaces'"),
    (VerifyParameters, "fold_groups", 1, "greater than or equal to 2"),
    (VerifyParameters, "fold_groups", 6, "less than or equal to 5"),
    (VerifyParameters, "epochs", 10_001, "less than or equal to 10000"),
]


@pytest.mark.parametrize(("model", "name", "value", "reason"), FURTHER)
def test_value_of_another_run_is_refused_by_name(
    model: type[Parameters], name: str, value: object, reason: str
) -> None:
    with pytest.raises(InputError) as caught:
        model.checked(**{name: value})

    assert str(caught.value).startswith(f"{name} = {value!r}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (PretrainParameters, "exclude_top", 1),
        (PretrainParameters, "exclude_min_images", 2),
        (PretrainParameters, "exclude_people", ("Ann",)),
        (PretrainParameters, "least_images", 1),
        (PretrainParameters, "least_images", 1000),
        (VerifyParameters, "view", "2"),
        (VerifyParameters, "judge", "eigenfaces"),
        (VerifyParameters, "judge", "hog"),
    ],
)
def test_value_of_another_run_is_taken(model: type[Parameters], name: str, value: object) -> None:
    assert getattr(model.checked(**{name: value}), name) == value


@pytest.mark.parametrize(
    "chosen",
    [
        {"exclude_people": ("Ann",), "exclude_top": 6},
        {"exclude_top": 6, "exclude_min_images": 20},
        {"exclude_people": ("Ann",), "exclude_top": 6, "exclude_min_images": 20},
    ],
)
def test_people_are_left_out_in_one_way(chosen: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        PretrainParameters.checked(**chosen)

    who = " and ".join(chosen)
    assert str(caught.value) == (
        f"leave people out in one way, not by {who}: give only one of them."
    )


@pytest.mark.parametrize(
    ("chosen", "label"),
    [
        ({}, "without those of 20 images or more"),
        ({"exclude_min_images": 5}, "without those of 5 images or more"),
        ({"exclude_top": 6}, "without the top 6"),
        ({"exclude_people": ("A", "B", "C")}, "without A, B, C"),
        ({"exclude_people": ("A", "B", "C", "D")}, "without A, B, C, …"),
    ],
)
def test_label_of_whom_is_left_out(chosen: dict[str, object], label: str) -> None:
    assert PretrainParameters.checked(**chosen).label == label


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Parameters.checked().source = "sample"  # type: ignore[misc]


anything = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    *(st.binary(max_size=9), st.lists(st.text(max_size=9), max_size=3).map(tuple)),
    st.sampled_from(["all", "balanced", "fail", "hog", "champion", "sample", "../..", "\0"]),
)
names = st.sampled_from([*TrainParameters.model_fields, "tops"])


@settings(max_examples=150, deadline=None)
@given(values=st.dictionaries(names, anything, max_size=4))
def test_whatever_is_asked_is_within_the_bounds_or_refused_by_name(
    values: dict[str, object],
) -> None:
    try:
        wanted = TrainParameters.checked(**values)
    except InputError as error:
        assert any(name in str(error) for name in [*values, "people"])
        assert printable(str(error)) == str(error)
    else:
        assert 0 <= wanted.seed < 2**32
        assert 0.05 <= wanted.test_share <= 0.5
        assert 0.05 <= wanted.validation_share <= 0.5
        assert wanted.epochs is None or 1 <= wanted.epochs <= 10_000
        assert wanted.top is None or 2 <= wanted.top <= 10_000
        assert wanted.people is None or len(set(wanted.people)) == len(wanted.people) >= 2
        assert wanted.model in MODELS
        assert TrainParameters.checked(**wanted.model_dump()) == wanted
