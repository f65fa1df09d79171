"""A pretraining takes half an hour: it is not to be asked again for what it does not rest on."""

from collections.abc import Callable
from typing import Any

import pytest

from lfw.code import function_digests
from tasks.judges import learn_group_embedding
from tasks.pretraining import pretrain_embedding

BESIDE_IT = {
    "lfw.archive",
    "lfw.audit",
    "lfw.download",
    "lfw.evaluation",
    "lfw.features",
    "lfw.fetch",
    "lfw.manifest",
    "lfw.serving",
    "httpx",
    "kagglehub",
    "matplotlib",
    "requests",
    "scikit-image",
}


@pytest.mark.parametrize("learning", [pretrain_embedding.function, learn_group_embedding])
def test_a_pretraining_rests_on_its_own_code_and_little_else(learning: Callable[..., Any]) -> None:
    rests_on = set(function_digests(learning))
    assert {"lfw.embedding.pretraining", "lfw.augment", "keras", "tensorflow"} <= rests_on
    assert not rests_on & BESIDE_IT
