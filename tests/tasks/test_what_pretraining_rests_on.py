"""A pretraining takes half an hour: it is not to be asked again for what it does not rest on."""

from lfw.code import function_digests
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


def test_a_pretraining_rests_on_its_own_code_and_little_else() -> None:
    rests_on = set(function_digests(pretrain_embedding.function))
    assert {"lfw.embedding.pretraining", "lfw.augment", "keras", "tensorflow"} <= rests_on
    assert not rests_on & BESIDE_IT
