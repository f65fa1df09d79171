"""What judges pairs of images: an embedding of the registry, or some learned for it."""

import pandas as pd

from lfw.catalog import Catalog
from lfw.fetch import Dataset
from lfw.parameters import PretrainParameters, VerifyParameters
from lfw.protocol import fold_groups, people_in
from tasks.embedding import embedding_number, find_embedding
from tasks.embedding_registry import offer_shipped
from tasks.pretraining import learn, pretrain_embedding, write_cohort
from tasks.runs import Run
from tasks.splitting import read_pairs, read_usable
from tasks.stages import Stage, StageOutput, Summary, Work, stage
from tasks.tracking import child_run

PAIRS, PEOPLE, IMAGES = "pairs.parquet", "people.parquet", "images.parquet"
SAME_PHOTO = "same-photos.parquet"
"""Files of the chosen pairs: the pairs, everybody's fold, the images of those people, and which
images show one photograph (``first``, ``second``)."""


def read_frames(pairs: StageOutput, *names: str) -> list[pd.DataFrame]:
    """Read what stands in the files of the chosen pairs: some of the names above."""
    return [pd.read_parquet(pairs / name) for name in names]


def find_judges(
    run: Run,
    dataset: Dataset,
    lists: StageOutput,
    images: StageOutput,
    audit: StageOutput,
    pairs: StageOutput,
    wanted: VerifyParameters,
) -> list[StageOutput]:
    """Bring the embeddings that judge: for View 1 the version asked for, for View 2 one a group.

    Returns
    -------
    list of StageOutput
        Empty for shallow judges, which are learned while they judge.
    """
    if wanted.judge != "embedding":
        return []
    if wanted.view == "1":
        offer_shipped()
        number = embedding_number("embedding", wanted.embedding)
        return [run.stage(find_embedding, "embedding", number)]
    judges = []
    for folds in fold_groups(wanted.fold_groups):
        drawing, learning = _group_stages(folds)
        cohort = run.stage(drawing, run.manifest, lists, images, audit, pairs, folds, wanted.seed)
        judges.append(run.stage(learning, dataset, cohort, wanted.seed, wanted.epochs))
    return judges


def choose_group_cohort(
    work: Work,
    manifest: StageOutput,
    lists: StageOutput,
    images: StageOutput,
    audit: StageOutput,
    pairs: StageOutput,
    folds: tuple[int, ...],
    seed: int,
) -> Summary:
    """Choose everybody to learn from but the people of some folds."""
    left_out = people_in(folds, *read_frames(pairs, PEOPLE, PAIRS))
    catalog, usable = Catalog.read(lists.folder), read_usable(manifest, images, audit)
    wanted, label = PretrainParameters(seed=seed), f"without the people of {_named(folds)}"
    drawn = write_cohort(work, catalog, usable, read_pairs(audit), left_out, wanted, label)
    return Summary(drawn.markdown, drawn.facts)  # the groups' figures would mix in one run


def learn_group_embedding(
    work: Work, dataset: Dataset, cohort: StageOutput, seed: int, epochs: int | None
) -> Summary:
    """Learn an embedding for a group of folds, in an MLflow run under the flow's own."""
    label = str(cohort.facts["label"])
    with child_run(work.run_id, f"embedding {label}") as run_id:
        learning = Work(work.folder, work.report, run_id)
        summary = learn(learning, dataset, cohort, seed, epochs, with_spread=False)
    return Summary(f"{summary.markdown}\nLearned {label}.\n", summary.facts)


def _group_stages(
    folds: tuple[int, ...],
) -> tuple[
    Stage[[StageOutput, StageOutput, StageOutput, StageOutput, StageOutput, tuple[int, ...], int]],
    Stage[[Dataset, StageOutput, int, int | None]],
]:
    """Make the two stages of a group of folds; its folds are in their names."""
    name = _named(folds).replace(" ", "-")
    drawing = stage(
        f"draw-cohort-{name}",
        key=lambda _manifest, lists, images, audit, pairs, folds, seed: {
            "the lists": lists.digest,
            "the rows of images": images.digest,
            "the audit": audit.digest,
            "the pairs": pairs.digest,
            "folds": folds,
            "seed": seed,
        },
    )(choose_group_cohort)
    return drawing, stage(f"pretrain-{name}", key=pretrain_embedding.key)(learn_group_embedding)


def _named(folds: tuple[int, ...]) -> str:
    return f"folds {folds[0]} to {folds[-1]}"
