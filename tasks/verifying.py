"""Verification's own stages: which pairs are judged, and how well that goes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lfw.catalog import FOLDS, Catalog
from lfw.embedding.cohort import check_unseen
from lfw.embedding.store import MANIFEST, NETWORK, read_embedding
from lfw.errors import InputError
from lfw.fetch import Dataset
from lfw.figure_style import save
from lfw.figures_verification import plot_roc
from lfw.formed_pairs import every_pair, images_for_threshold
from lfw.pairs import paths_of, people_of, with_images
from lfw.parameters import VerifyParameters
from lfw.photographs import photo_groups, shown_with
from lfw.protocol import (
    LISTED_AS,
    MEANING,
    PROTOCOL,
    RESULTS_PAGE,
    TEST_FOLD,
    THRESHOLD_FOLD,
    cosines,
    fold_groups,
    numbered_pairs,
    numbered_people,
    people_in,
    published,
    unseen_pairs,
)
from lfw.verification import (
    Likeness,
    Truth,
    Verification,
    crossed_parts,
    verify,
    verify_crossed,
    verify_once,
)
from tasks.embedding import vectors_through
from tasks.judges import IMAGES, PAIRS, PEOPLE, SAME_PHOTO, read_frames
from tasks.markdown import table
from tasks.splitting import read_pairs, read_usable
from tasks.stages import StageOutput, Summary, Work, stage


@stage(
    "choose-pairs",
    key=lambda _manifest, lists, images, audit, wanted: {
        "the lists": lists.digest,
        "the rows of images": images.digest,
        "the audit": audit.digest,
        "view": wanted.view,
    },
)
def choose_pairs(
    work: Work,
    manifest: StageOutput,
    lists: StageOutput,
    images: StageOutput,
    audit: StageOutput,
    wanted: VerifyParameters,
) -> Summary:
    """List the view's pairs whose images can be used, and everybody's fold."""
    catalog = Catalog.read(lists.folder)
    people, pairs = numbered_people(catalog, wanted.view), numbered_pairs(catalog, wanted.view)
    usable = read_usable(manifest, images, audit)
    there = with_images(pairs, usable["image_path"])
    there.to_parquet(work.folder / PAIRS, index=False)
    people.to_parquet(work.folder / PEOPLE, index=False)
    listed = usable["name"].isin(people_in(set(pairs["fold"]), people, pairs))
    files = usable.loc[listed, ["name", "image_path", "sha256"]]
    files.to_parquet(work.folder / IMAGES, index=False)
    same_photo = pd.DataFrame(read_pairs(audit), columns=["first", "second"], dtype="str")
    same_photo.to_parquet(work.folder / SAME_PHOTO, index=False)
    counts = there.groupby("fold")["same"].agg(pairs="size", matched="sum").reset_index()
    lost = len(pairs) - len(there)
    warnings = [f"{lost:,} of {len(pairs):,} pairs have an unusable image."] if lost else []
    folds = (
        f"In fold {THRESHOLD_FOLD} the pairs to train with, in fold {TEST_FOLD} those that are "
        "judged.\n\n"
        if wanted.view == "1"
        else ""
    )
    return Summary(
        f"# The pairs of View {wanted.view}\n\n{len(there):,} pairs.\n\n{folds}{table(counts)}\n",
        {"listed": {str(fold): _by_kind(pairs, fold) for fold in sorted(set(pairs["fold"]))}},
        warnings=warnings,
    )


_ERROR_OF = {"1": "of the mean over both kinds of pairs", "2": "over folds"}
_ADVICE = "Learn an embedding without them (lfw pretrain); --embedding takes the version it names."


@dataclass(frozen=True)
class _Measured:
    """Pairs, how alike their images are (see :func:`lfw.verification.verify`), and a remark.

    Where pairs were formed beyond the listed ones, they set the threshold. Where it is crossed,
    each fold's is set on the other folds, and both kinds of pairs weigh alike.
    """

    pairs: pd.DataFrame
    likeness: NDArray[np.float64]
    usable: list[tuple[int, ...]] | None
    how: str
    formed: tuple[Truth, Likeness] | None = None
    crossed: bool = False


@stage(
    "verify",
    key=lambda dataset, pairs, judges, wanted: {
        "the images": dataset.images_digest,
        "the pairs": pairs.digest,
        "the embeddings": [judge.files[name] for judge in judges for name in (NETWORK, MANIFEST)],
        "versions": [judge.facts.get("version") for judge in judges],  # the text names them
        "view": wanted.view,
        "judge": wanted.judge,
        "fold groups": wanted.fold_groups,
        "seed": wanted.seed,
    },
)
def verify_pairs(
    work: Work,
    dataset: Dataset,
    pairs: StageOutput,
    judges: list[StageOutput],
    wanted: VerifyParameters,
) -> Summary:
    """Judge the pairs, each by a threshold and a measure that know nobody in its fold."""
    if wanted.judge != "embedding":
        measured = _by_shallow(work, dataset, pairs, wanted)
    elif wanted.view == "1":
        measured = _by_one(work, dataset, pairs, judges[0])
    else:
        measured = _by_groups(work, dataset, pairs, judges, wanted.fold_groups)
    found = _verify(measured, wanted.view)
    verdicts = _verdicts(measured, found)
    verdicts.to_csv(work.folder / "verdicts.csv", index=False)
    found.folds.to_csv(work.folder / "folds.csv", index=False)
    found.roc.to_csv(work.folder / "roc.csv", index=False)
    save(plot_roc(found, f"View {wanted.view}, {wanted.judge}"), work.folder / "roc.png")
    scores = {
        "accuracy": found.accuracy,
        "standard_error": found.standard_error,
        "auc": found.auc,
        "tar_at_far_1": found.tar_at_far,
        "pairs": len(verdicts),
    }
    compared = _compare(wanted.view, dataset.kind)
    facts = {
        **scores,
        "matched": int(verdicts["same"].sum()),
        "how": measured.how,
        "protocol": PROTOCOL,
        "compared": compared,
        "folds": found.folds.to_dict("records"),
    }
    return Summary(
        f"# Verification: View {wanted.view}, {wanted.judge}\n\n"
        f"Accuracy on {len(verdicts):,} pairs: "
        f"**{found.accuracy:.4f} ± {found.standard_error:.4f}** (standard error "
        f"{_ERROR_OF[wanted.view]}). Area under the ROC curve {found.auc:.4f}; "
        f"{found.tar_at_far:.1%} of pairs of one person accepted where 1 % of pairs of two are."
        f"\n\n{measured.how}\n\n## Protocol: {PROTOCOL}\n\n{MEANING}\n\n{compared}\n\n"
        f"## By fold\n\n{table(found.folds)}\n",
        facts,
        {f"verification_{name}": float(value) for name, value in scores.items()},
    )


def _by_shallow(
    work: Work, dataset: Dataset, pairs: StageOutput, wanted: VerifyParameters
) -> _Measured:
    """Measure by a shallow judge that was learned without anybody in the judged fold."""
    from lfw.shallow_judges import SHALLOW_JUDGES, read_faces

    judge = SHALLOW_JUDGES[wanted.judge]
    asked, people, images, twice = read_frames(pairs, PAIRS, PEOPLE, IMAGES, SAME_PHOTO)
    photos = photo_groups(images, zip(twice["first"], twice["second"], strict=True))
    paths = images["image_path"].tolist()
    root = Path(dataset.image_folder)
    faces = read_faces(root, paths, judge.features, work.report("faces"))
    judged = [TEST_FOLD] if wanted.view == "1" else range(1, FOLDS + 1)
    shown = images["image_path"].isin(paths_of(asked)).to_numpy()
    likeness = []
    for fold in judged:
        theirs = images["image_path"][images["name"].isin(people_in([fold], people, asked))]
        hidden = images["image_path"].isin(shown_with(photos, theirs)).to_numpy()
        learned = judge.learn(faces[~hidden], images["name"][~hidden].tolist(), wanted.seed)
        vectors = zip(images["image_path"][shown], learned.transform(faces[shown]), strict=True)
        likeness.append(cosines(asked, dict(vectors)))
    how = (
        f"{judge.words}, learned from the images of the people whose pairs set the threshold; "
        f"{judge.of_names}."
        if wanted.view == "1"
        else f"{judge.words}, learned for each fold from the images of the people of the other "
        f"nine, whose pairs set its threshold too; {judge.of_names}."
    )
    return _Measured(asked, np.squeeze(np.stack(likeness)), None, how)


def _by_one(work: Work, dataset: Dataset, pairs: StageOutput, judge: StageOutput) -> _Measured:
    """Measure by the embedding asked for the pairs that show nobody it was trained on."""
    given, people, images, twice = read_frames(pairs, PAIRS, PEOPLE, IMAGES, SAME_PHOTO)
    learned = read_embedding(judge.folder)
    sha256 = dict(zip(images["image_path"], images["sha256"], strict=True))
    same_photo = list(zip(twice["first"], twice["second"], strict=True))
    asked = unseen_pairs(given, learned.cohort, sha256, same_photo)
    listed, judged = (
        asked[asked["fold"] == fold].reset_index(drop=True) for fold in (THRESHOLD_FOLD, TEST_FOLD)
    )
    named = people_in([THRESHOLD_FOLD], people, given) - people_in([TEST_FOLD], people, given)
    free = images_for_threshold(images, same_photo, named, (listed, judged), learned.cohort)
    counts = free["name"].value_counts()
    crossed = (counts > 1).sum() < _LEAST_PEOPLE
    there = zip(_by_kind(judged, TEST_FOLD), pairs.facts["listed"][str(TEST_FOLD)], strict=True)
    how = (
        f"lfw-embedding version {judge.facts['version']}, on the pairs (of one person / of two) of "
        f"whom it has seen nobody: {' / '.join(f'{n:,} of {all_:,}' for n, all_ in there)} are "
        f"judged. {_CROSSED if crossed else _formed(len(free), len(counts))} Both kinds of pairs "
        "have the same total weight."
    )
    if min(_by_kind(judged, TEST_FOLD)) < (2 if crossed else 1):
        raise InputError(
            f"{how} That is too few. Learn an embedding that leaves more people out (lfw "
            "pretrain; --embedding takes the version that it names), or use --view 2."
        )
    if crossed:
        free = free[:0]
        judged = judged.assign(fold=crossed_parts(judged["same"].to_numpy(dtype=bool)))
    everybody = people_of(judged) | set(free["name"])
    paths = {*paths_of(judged), *free["image_path"]}
    vectors = _vectors_by(work, dataset, images[images["image_path"].isin(paths)], judge, everybody)
    formed = None if crossed else every_pair(free, vectors)
    return _Measured(judged, cosines(judged, vectors), None, how, formed, crossed)


_LEAST_PEOPLE = 20  # with several images: of fewer, a threshold is a matter of luck
_CROSSED = (
    f"The threshold of each tenth of them is set on the other nine tenths, since of fewer than "
    f"{_LEAST_PEOPLE} people in the list to train with there are several images that it has not "
    "seen: people are on both sides, so the figure is a little flattered."
)


def _formed(images: int, people: int) -> str:
    return (
        f"The threshold is set on all pairs that {images:,} images of {people:,} other people "
        "make, whom it has not seen either: ten each of the hundred who have most in the list to "
        "train with, and those of its pairs (2,000 images at most)."
    )


def _by_groups(
    work: Work, dataset: Dataset, pairs: StageOutput, judges: list[StageOutput], groups: int
) -> _Measured:
    """Measure each fold by the embedding of its group, which has seen nobody in it."""
    asked, people, images = read_frames(pairs, PAIRS, PEOPLE, IMAGES)
    likeness = np.full(len(asked), np.nan)
    usable = []
    for folds, judge in zip(fold_groups(groups), judges, strict=True):
        inside = asked["fold"].isin(folds).to_numpy()
        hidden = people_in(folds, people, asked)
        rows = images[images["image_path"].isin(paths_of(asked[inside]))]
        vectors = _vectors_by(work, dataset, rows, judge, hidden)
        likeness[inside] = cosines(asked[inside], vectors)
        usable += [tuple(other for other in folds if other != fold) for fold in folds]
    how = (
        f"{groups} embeddings, each learned without the people of the folds that it judges; a "
        "fold's threshold comes from the other folds that the same embedding has not seen."
    )
    return _Measured(asked, likeness, usable, how)


def _vectors_by(
    work: Work, dataset: Dataset, rows: pd.DataFrame, judge: StageOutput, people: set[str]
) -> dict[str, NDArray[np.float32]]:
    """Take images through an embedding, unless it was trained on some people or on these images."""
    learned = read_embedding(judge.folder)
    check_unseen(learned.cohort, people, rows["sha256"], "judging it on", _ADVICE)
    vectors = vectors_through(learned, dataset, rows, work.report("images"))
    return dict(zip(rows["image_path"], vectors, strict=True))


def _by_kind(pairs: pd.DataFrame, fold: int) -> list[int]:
    """Count a fold's pairs of one person, and of two."""
    same = pairs["same"][pairs["fold"] == fold]
    return [int(same.sum()), int((~same).sum())]


def _verify(measured: _Measured, view: str) -> Verification:
    same = measured.pairs["same"].to_numpy(dtype=bool)
    folds = measured.pairs["fold"].to_numpy(dtype=np.int64)
    if view == "2":
        return verify(same, measured.likeness, folds, measured.usable)
    if measured.crossed:
        return verify_crossed(same, measured.likeness, folds)
    if measured.formed is not None:
        return verify_once(measured.formed, (same, measured.likeness))
    before, judged = folds == THRESHOLD_FOLD, folds == TEST_FOLD
    return verify_once(
        (same[before], measured.likeness[before]), (same[judged], measured.likeness[judged])
    )


def _verdicts(measured: _Measured, found: Verification) -> pd.DataFrame:
    """Give each judged pair with its likeness, the threshold and whether the answer is right."""
    frames: list[pd.DataFrame] = []
    folds = measured.pairs["fold"].to_numpy()
    by_fold = np.broadcast_to(measured.likeness, (len(found.folds), len(measured.pairs)))
    for likeness, row in zip(by_fold, found.folds.to_dict("records"), strict=True):
        inside, threshold = folds == row["fold"], float(row["threshold"])
        judged = measured.pairs[inside].assign(likeness=likeness[inside], threshold=threshold)
        frames.append(judged.assign(right=(judged["likeness"] > threshold) == judged["same"]))
    return pd.concat(frames, ignore_index=True)


def _compare(view: str, kind: str) -> str:
    """Say what the figure may be compared with."""
    if kind == "synthetic":
        return "The faces are drawn: no published figure compares with this one."
    if view == "1":
        return (
            "View 1 is for development: figures that are published, and may be compared, are "
            "View 2's."
        )
    return (
        f"What the official results page ({RESULTS_PAGE}) lists, mean ± standard error on View 2:"
        f"\n\n{table(published())}\n\n{LISTED_AS}"
    )
