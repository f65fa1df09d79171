"""The head that takes the spread of many people rests on all who show one."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lfw import head_ways, heads
from lfw.head_ways import POOLED
from lfw.heads import DISCRIMINANTS, TOGETHER, choose_head
from lfw.linear import Head, Linear
from lfw.spread import Spread
from lfw.strangers import Strangers
from tests.lfw.test_heads import (
    DIMENSIONS,
    PLAIN,
    alone,
    blobs,
    check_proportional,
    only,
    right,
    strangers,
)


class Pooled:
    """Lets scikit-learn's discriminants take one covariance for every class."""

    def __init__(self, covariance: NDArray[np.float64]) -> None:
        self.covariance_ = covariance

    def fit(self, _: object) -> "Pooled":
        return self


def spread_of_others(people: int = 30) -> Spread:
    mixing = np.diag(np.arange(1.0, DIMENSIONS + 1)) + 0.3
    noise = np.random.default_rng(4).normal(size=(4 * people, DIMENSIONS)) @ mixing
    return Spread.of(noise, np.repeat(np.arange(people), 4))


@pytest.mark.parametrize("apart", ["none", "one each", "two each"])
@pytest.mark.parametrize("components", [None, DIMENSIONS])
def test_pooled_head_rests_on_the_spread_of_all_who_show_one(
    monkeypatch: pytest.MonkeyPatch, apart: str, components: int | None
) -> None:
    only(monkeypatch, POOLED)
    monkeypatch.setattr(head_ways, "_lda_beside", head_ways._lda_pooled)
    monkeypatch.setattr(head_ways, "_lda_among", head_ways._lda_pooled)
    train, validation = blobs(3, 12, 0, apart=2), blobs(3, 4, 1, apart=2)
    others = spread_of_others()
    vectors = strangers(60)
    twice = np.repeat(np.arange(30), 2)
    met = {"none": None, "one each": alone(60), "two each": Strangers(vectors, twice)}[apart]
    head = choose_head(train, validation, met, components, others).head

    both = [np.concatenate(parts) for parts in zip(train, validation, strict=True)]
    parts = [(0.5, others), (1.0, Spread.of(*both))]
    if apart == "two each":
        parts.append((1.0, Spread.of(vectors, twice)))
    weights = [weight * one.freedom for weight, one in parts]
    covariance = np.average([one.covariance for _, one in parts], axis=0, weights=weights)
    asked = blobs(3, 5, 2, apart=2)[0]
    if components is None:
        shrunk = 0.9 * covariance + 0.1 * np.diag(np.diag(covariance))
        model = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Pooled(shrunk))
        check_proportional(head, asked, model.fit(*both).decision_function(asked))
    else:
        pca = PCA(components, random_state=0).fit(both[0])
        turned = pca.components_ @ covariance @ pca.components_.T
        shrunk = 0.9 * turned + 0.1 * np.diag(np.diag(turned))
        model = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Pooled(shrunk))
        model.fit(pca.transform(both[0]), both[1])
        expected = model.decision_function(pca.transform(asked))
        scores = head.identity.scores(asked).astype(float)
        check_proportional(
            Head(Linear(np.eye(3, dtype=np.float32), np.zeros(3, np.float32)), None),
            scores - scores.mean(axis=1, keepdims=True),
            expected - expected.mean(axis=1, keepdims=True),
        )


def test_pooled_head_is_preferred_and_in_the_average_of_all_alone() -> None:
    train, validation = blobs(3, 12, 0), blobs(3, 4, 1)
    chosen = choose_head(train, validation, alone(40), spread=spread_of_others())
    assert chosen.candidates["head"][0] == POOLED
    names = sorted([*PLAIN, "LDA beside strangers", POOLED])
    assert sorted(heads._mixtures(names)[DISCRIMINANTS]) == ["LDA", "LDA beside strangers"]
    assert heads._mixtures(names)[TOGETHER] == names
    assert right(chosen.head, blobs(3, 20, 2)) == 1


def test_pooled_head_bears_with_people_of_one_image() -> None:
    train, validation = blobs(3, 1, 0, apart=40), blobs(3, 1, 1, apart=40)
    ways = head_ways.ways_with(None, spread_of_others())
    linear = head_ways.Sample(*train, spread=spread_of_others()).fit(ways[POOLED])
    assert (linear.scores(validation[0]).argmax(axis=1) == validation[1]).all()
