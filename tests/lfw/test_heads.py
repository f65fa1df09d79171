"""The chosen head names the right person, and scores as scikit-learn's own model does."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from lfw import head_ways, heads
from lfw.heads import DISCRIMINANTS, TOGETHER, choose_head
from lfw.linear import Head, Linear
from lfw.strangers import LEAST_STRANGERS, Strangers

Part = tuple[NDArray[np.float64], NDArray[np.int64]]

DIMENSIONS = 6
PLAIN = ["LDA", "linear SVM", "logistic regression"]
MODELS = {
    "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "linear SVM": LinearSVC(C=1, random_state=0),
    "logistic regression": LogisticRegression(C=10, max_iter=1000),
}


def blobs(classes: int, each: int, seed: int, apart: float = 8.0) -> Part:
    """Class k lies at a distance along axis k."""
    labels = np.repeat(np.arange(classes), each)
    noise = np.random.default_rng(seed).normal(size=(len(labels), DIMENSIONS))
    return noise + apart * np.eye(DIMENSIONS)[labels], labels


def strangers(count: int, seed: int = 9) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return np.asarray(noise + 8 * np.eye(DIMENSIONS)[DIMENSIONS - 1])


def alone(count: int) -> Strangers:
    """Strangers of whom there is one vector each."""
    return Strangers(strangers(count), np.arange(count))


def right(head: Head, part: Part) -> float:
    return float((head.probabilities(part[0]).argmax(axis=1) == part[1]).mean())


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("components", [None, 4])
def test_well_separated_people_are_told(classes: int, components: int | None) -> None:
    chosen = choose_head(blobs(classes, 12, 0), blobs(classes, 4, 1), components=components)
    assert right(chosen.head, blobs(classes, 20, 2)) == 1
    assert chosen.head.known is None
    assert chosen.candidates.columns.tolist() == ["head", "validation_accuracy", "validation_loss"]
    assert sorted(chosen.candidates["head"]) == sorted([*PLAIN, TOGETHER])
    assert chosen.candidates["head"][0] == TOGETHER
    assert chosen.candidates["validation_loss"][1:].is_monotonic_increasing
    assert chosen.candidates["validation_accuracy"].tolist() == [1, 1, 1, 1]


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Leave one candidate; the one beside strangers is not among the others."""
    left = {way: head_ways._ALONE[way] for way in PLAIN if way == name}
    monkeypatch.setattr(head_ways, "_ALONE", left)


def check_proportional(head: Head, vectors: NDArray[np.float64], expected: object) -> None:
    """The same scores but for how sharp they are; of two classes only the difference counts."""
    scores = head.identity.scores(vectors).astype(float)
    if scores.shape[1] == 2:
        scores = scores[:, 1] - scores[:, 0]
    ratio = scores / np.asarray(expected)
    assert ratio == pytest.approx(np.full(ratio.shape, np.median(ratio)), rel=1e-3)
    assert np.median(ratio) > 0


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", PLAIN)
def test_scores_are_those_of_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, name: str, classes: int
) -> None:
    only(monkeypatch, name)
    train, validation = blobs(classes, 12, 0, apart=2), blobs(classes, 4, 1, apart=2)
    both = [np.concatenate(parts) for parts in zip(train, validation, strict=True)]
    head = choose_head(train, validation).head
    vectors = blobs(classes, 5, 2, apart=2)[0]
    check_proportional(head, vectors, MODELS[name].fit(*both).decision_function(vectors))


@pytest.mark.parametrize("classes", [2, 4])
def test_components_are_those_of_a_pipeline(monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    only(monkeypatch, "LDA")
    train, validation = blobs(classes, 12, 0, apart=2), blobs(classes, 4, 1, apart=2)
    both = [np.concatenate(parts) for parts in zip(train, validation, strict=True)]
    pipeline = make_pipeline(PCA(3, random_state=0), MODELS["LDA"]).fit(*both)
    head = choose_head(train, validation, components=3).head
    assert head.identity.weights.shape == (DIMENSIONS, classes)
    vectors = blobs(classes, 5, 2, apart=2)[0]
    check_proportional(head, vectors, pipeline.decision_function(vectors))


def test_more_components_than_there_are_do_no_harm() -> None:
    chosen = choose_head(blobs(3, 2, 0, apart=30), blobs(3, 1, 1, apart=30), components=1000)
    assert right(chosen.head, blobs(3, 20, 2, apart=30)) == 1


@pytest.mark.parametrize(
    ("labels", "accuracy", "share"),
    [([1, 1, 1, 0], 0.75, 17 / 24), ([1, 1, 1, 1], 1, 11 / 12)],  # a sixth of every label is doubt
)
def test_sharpness_is_set_on_the_validation_part(
    monkeypatch: pytest.MonkeyPatch, labels: list[int], accuracy: float, share: float
) -> None:
    one = Linear(np.array([[0, 1]], np.float32), np.zeros(2, np.float32))
    monkeypatch.setattr(head_ways, "_ALONE", {"fixed": lambda *_: one})
    part = np.ones((4, 1)), np.array(labels)
    chosen = choose_head(part, part)
    odds = share / (1 - share)
    assert chosen.head.identity.weights == pytest.approx(np.array([[0, np.log(odds)]]), rel=1e-3)
    loss = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    row = chosen.candidates.to_numpy().tolist()
    assert row == [["fixed", accuracy, pytest.approx(loss)]]


def fixed(slope: float) -> Linear:
    return Linear(np.array([[0, slope]], np.float32), np.zeros(2, np.float32))


def offer(monkeypatch: pytest.MonkeyPatch, **linears: Linear) -> None:
    """Offer heads that learn nothing."""
    ways = {name: lambda *_, linear=linear: linear for name, linear in linears.items()}
    monkeypatch.setattr(head_ways, "_ALONE", ways)


def test_the_most_accurate_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, wrong=fixed(-1), blind=fixed(0), good=fixed(1))
    part = np.tile([[1.0], [1.0], [-1.0], [1.0]], (40, 1)), np.tile([1, 1, 0, 0], 40)
    chosen = choose_head(part, part)
    assert chosen.candidates["validation_accuracy"].max() == 0.75
    assert chosen.candidates["validation_accuracy"][0] == 0.75
    assert chosen.head.identity.weights[0, 1] > 0


@pytest.mark.parametrize(("images", "wins"), [(20, "steady"), (400, "lucky")])
def test_of_heads_that_cannot_be_told_apart_the_preferred_is_taken(
    monkeypatch: pytest.MonkeyPatch, images: int, wins: str
) -> None:
    """One of twenty is missed: of 20 images that is chance, of 400 it is not."""
    monkeypatch.setattr(heads, "PREFERRED", ("steady",))
    vectors = np.tile(np.eye(2), (images // 2, 1))
    vectors[: images // 10, 0] = 0.0  # shown to the steady one alone
    labels = np.tile([0, 1], images // 2)
    vectors = np.concatenate([vectors, labels[:, np.newaxis]], axis=1)
    lucky = Linear(np.array([[0, 0], [0, 0], [-1, 1]], np.float32), np.array([0.5, -0.5]))
    steady = Linear(np.array([[1, -1], [0, 0], [0, 0]], np.float32), np.array([-0.5, 0.5]))
    offer(monkeypatch, lucky=lucky, steady=steady)
    candidates = choose_head((vectors, labels), (vectors, labels)).candidates
    assert candidates["head"][0] == wins
    accuracy = candidates.set_index("head")["validation_accuracy"]
    assert accuracy["lucky"] == 1
    assert accuracy["steady"] == pytest.approx(0.95)


def test_among_equals_the_least_loss_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "PREFERRED", ())
    offset = Linear(np.array([[0, 1]], np.float32), np.array([0, 0.5], np.float32))
    offer(monkeypatch, offset=offset, even=fixed(1))
    part = np.array([[1.0], [-1.0], [1.0], [-1.0]]), np.array([1, 0, 1, 0])
    candidates = choose_head(part, part).candidates
    assert candidates["validation_accuracy"].tolist() == [1, 1, 1]
    assert candidates["head"][0] == "even"
    assert candidates["validation_loss"].is_monotonic_increasing


def test_heads_are_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Linear(np.array([[0, 1], [0, 0]], np.float32), np.zeros(2, np.float32))
    second = Linear(np.array([[0, 0], [0, 1]], np.float32), np.zeros(2, np.float32))
    offer(monkeypatch, first=first, second=second)
    vectors = np.array([[2.0, -1.0], [-1.0, 2.0], [1.0, -2.0], [-2.0, 1.0]])
    part = vectors, np.array([1, 1, 0, 0])  # neither alone is right of all: their sum is
    chosen = choose_head(part, part)
    assert chosen.candidates["head"][0] == TOGETHER
    assert chosen.candidates["validation_accuracy"][0] == 1
    weights = chosen.head.identity.weights[:, 1]
    assert weights[0] == pytest.approx(weights[1])


@pytest.mark.parametrize("components", [None, 4])
def test_strangers_are_taken_for_somebody_else(components: int | None) -> None:
    train, validation, test = blobs(3, 20, 0), blobs(3, 5, 1), blobs(3, 20, 2)
    chosen = choose_head(train, validation, alone(60), components)
    mixed = [DISCRIMINANTS, TOGETHER]
    assert sorted(chosen.candidates["head"]) == sorted([*PLAIN, "LDA beside strangers", *mixed])
    assert chosen.candidates["head"][0] == DISCRIMINANTS
    assert chosen.head.known is not None
    assert chosen.head.known.weights.shape == (DIMENSIONS, 4)
    assert right(chosen.head, test) == 1
    share = [chosen.head.probabilities(x).sum(axis=1) for x in (test[0], strangers(50, seed=7))]
    assert share[0].min() > 0.7
    assert share[1].max() < 0.2
    assert share[0].mean() > 0.9
    assert share[1].mean() < 0.1
    without = choose_head(train, validation).head
    assert without.probabilities(strangers(50)).sum(axis=1) == pytest.approx(1)


def test_how_sure_it_is_of_strangers_is_set_by_those_it_was_not_learned_from() -> None:
    train, validation = blobs(3, 12, 0, apart=2), blobs(3, 6, 1, apart=2)
    apart = strangers(60) / 4
    known = choose_head(train, validation, Strangers(apart, np.arange(60))).head.known
    assert known is not None
    half = MODELS["LDA"].fit(
        np.concatenate([train[0], apart[::2]]), np.concatenate([train[1], np.full(30, 3)])
    )
    said = half.decision_function(np.concatenate([validation[0], apart[1::2]]))
    truth = np.concatenate([validation[1], np.full(30, 3)])
    doubt = 1 / (len(truth) + 2)  # as Platt does
    wanted = np.eye(4)[truth] * (1 - doubt) + doubt / 4
    factors = np.geomspace(0.1, 10, 2001)
    best = factors[np.argmin([-(wanted * log_softmax(k * said, axis=1)).sum() for k in factors])]
    assert not 0.8 < best < 1.25, "a case in which it shows"
    everybody = np.concatenate([train[0], validation[0], apart])
    labels = np.concatenate([train[1], validation[1], np.full(60, 3)])
    asked = blobs(3, 5, 2)[0]
    whole = MODELS["LDA"].fit(everybody, labels).decision_function(asked)
    found = known.scores(asked)
    assert found - found[:, :1] == pytest.approx(best * (whole - whole[:, :1]), rel=0.01, abs=0.01)


def test_strangers_are_halved_by_person() -> None:
    given = Strangers.of(strangers(5), ["B", "A", "B", "C", "D"])
    first, second = given.halves()
    assert first.vectors.tolist() == given.vectors[[1, 3]].tolist()
    assert first.people.tolist() == [0, 1]
    assert second.vectors.tolist() == given.vectors[[0, 2, 4]].tolist()
    assert second.people.tolist() == [0, 0, 1]


def test_head_beside_strangers_scores_the_known_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "LDA beside strangers")
    train, validation = blobs(3, 12, 0), blobs(3, 4, 1)
    head = choose_head(train, validation, alone(40)).head
    assert head.identity.weights.shape == (DIMENSIONS, 3)
    everybody = np.concatenate([train[0], validation[0], strangers(40)])
    labels = np.concatenate([train[1], validation[1], np.full(40, 3)])
    model = MODELS["LDA"].fit(everybody, labels)
    vectors = blobs(3, 5, 2)[0]
    check_proportional(head, vectors, model.decision_function(vectors)[:, :3])


def test_strangers_with_several_images_are_classes_beside_the_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only(monkeypatch, "LDA among other people")
    # The other way that takes them.
    monkeypatch.setattr(head_ways, "_lda_beside", head_ways._lda_among)
    train, validation = blobs(3, 12, 0), blobs(3, 4, 1)
    vectors = strangers(60)
    # Twenty people of whom there are two vectors, and twenty of whom there is one.
    people = np.array([*range(20), *range(20), *range(20, 40)])
    head = choose_head(train, validation, Strangers(vectors, people)).head
    everybody = np.concatenate([train[0], validation[0], vectors[:40]])
    labels = np.concatenate([train[1], validation[1], people[:40] + 3])
    model = MODELS["LDA"].fit(everybody, labels)
    asked = blobs(3, 5, 2)[0]
    check_proportional(head, asked, model.decision_function(asked)[:, :3])


def test_strangers_are_numbered_by_their_names() -> None:
    given = Strangers.of(strangers(4), ["B", "A", "B", "C"])
    assert given.people.tolist() == [1, 0, 1, 2]
    assert given.one_each().tolist() == given.vectors[[1, 0, 3]].tolist()
    vectors, people = given.several()
    assert vectors.tolist() == given.vectors[[0, 2]].tolist()
    assert people.tolist() == [0, 0]


@pytest.mark.parametrize("count", [0, LEAST_STRANGERS - 1])
def test_few_strangers_teach_nothing(count: int) -> None:
    chosen = choose_head(blobs(2, 12, 0), blobs(2, 4, 1), alone(count))
    assert chosen.head.known is None
    assert sorted(chosen.candidates["head"]) == sorted([*PLAIN, TOGETHER])
