"""Lists that disagree with each other or with the files are found; the real ones agree."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lfw.catalog import Catalog, check_references, expand_paths, read_catalog
from lfw.embedding.store import SHIPPED, read_embedding
from lfw.errors import DataError
from lfw.manifest import Manifest
from lfw.parameters import LEFT_OUT_IMAGES


def problems(catalog: Catalog, paths: Sequence[str]) -> set[tuple[str, str, str]]:
    return set(check_references(catalog, paths).itertuples(index=False, name=None))


@pytest.fixture
def catalog(lists: Path) -> Catalog:
    return read_catalog(lists)


@pytest.fixture
def paths(catalog: Catalog) -> list[str]:
    return expand_paths(catalog.people)["image_path"].tolist()


def test_lists_that_agree_have_no_problem(catalog: Catalog, paths: list[str]) -> None:
    found = check_references(catalog, paths)
    assert found.empty
    assert list(found.columns) == ["list", "problem", "subject"]


def test_missing_and_unlisted_images_are_found(catalog: Catalog, paths: list[str]) -> None:
    gone, new = "Person_G/Person_G_0001.jpg", "Zed/Zed_0001.jpg"
    found = problems(catalog, [path for path in paths if path != gone] + [new])
    assert found == {
        ("lfw_allnames.csv", "missing image", gone),
        ("lfw_allnames.csv", "unlisted image", new),
        ("view1_matched_test", "missing image", gone),
        ("view2_pairs", "missing image", gone),
    }


def with_row(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    return pd.concat([frame, pd.DataFrame([values])], ignore_index=True)


def test_unknown_people_wrong_counts_and_both_parts_are_found(
    catalog: Catalog, paths: list[str]
) -> None:
    train = with_row(catalog.view1_people_train, name="Zed", images=1)
    test = with_row(catalog.view1_people_test, name="Person_A", images=3)

    found = problems(replace(catalog, view1_people_train=train, view1_people_test=test), paths)

    assert found == {
        ("view1_people_train", "unknown person", "Zed"),
        ("view1_people_test", "wrong count", "Person_A: 3 here, 2 in lfw_allnames"),
        ("view1_people_test", "person in both parts", "Person_A"),
    }


def test_sample_has_no_problem(sample_folder: Path) -> None:
    catalog = read_catalog(sample_folder)
    images = sample_folder / "lfw-deepfunneled" / "lfw-deepfunneled"
    files = [path.relative_to(images).as_posix() for path in images.glob("*/*.jpg")]

    assert check_references(catalog, files).empty
    assert catalog.view2_people["fold"].nunique() == 10


Check = Callable[[Catalog], object]


REAL_FACTS: dict[str, tuple[Check, object]] = {
    "people": (lambda c: len(c.people), 5749),
    "images": (lambda c: c.people["images"].sum(), 13_233),
    "people with one": (lambda c: (c.people["images"] == 1).sum(), 4069),
    "people with two or more": (lambda c: (c.people["images"] >= 2).sum(), 1680),
    "people with 20 or more": (lambda c: (c.people["images"] >= 20).sum(), 62),
    "people with 70 or more": (lambda c: (c.people["images"] >= 70).sum(), 7),
    "view 1 people": (
        lambda c: [len(c.view1_people_train), len(c.view1_people_test)],
        [4038, 1711],
    ),
    "view 1 pairs": (
        lambda c: [
            len(frame)
            for frame in (
                c.view1_matched_train,
                c.view1_mismatched_train,
                c.view1_matched_test,
                c.view1_mismatched_test,
            )
        ],
        [1100, 1100, 500, 500],
    ),
    "view 2 pairs": (lambda c: c.view2_pairs.groupby("fold").size().tolist(), [600] * 10),
    "view 2 matched": (
        lambda c: (c.view2_pairs["name1"] == c.view2_pairs["name2"]).sum(),
        3000,
    ),
    "view 2 people": (lambda c: len(c.view2_people), 5749),
    "view 2 folds": (
        lambda c: c.view2_people["fold"].drop_duplicates().tolist(),
        list(range(1, 11)),
    ),
}


@pytest.fixture(scope="module")
def real_catalog(real_folder: Path) -> Catalog:
    return read_catalog(real_folder)


@pytest.mark.parametrize("fact", REAL_FACTS)
def test_real_lists_hold_the_published_facts(fact: str, real_catalog: Catalog) -> None:
    find, expected = REAL_FACTS[fact]
    assert find(real_catalog) == expected


def test_real_lists_most_photographed(real_catalog: Catalog) -> None:
    top = real_catalog.people.nlargest(6, "images")
    assert list(top.itertuples(index=False, name=None)) == [
        ("George_W_Bush", 530),
        ("Colin_Powell", 236),
        ("Tony_Blair", 144),
        ("Donald_Rumsfeld", 121),
        ("Gerhard_Schroeder", 109),
        ("Ariel_Sharon", 77),
    ]


def test_the_shipped_embedding_has_seen_none_of_the_62(real_catalog: Catalog) -> None:
    counts = real_catalog.people.set_index("name")["images"]
    many = set(counts[counts >= LEFT_OUT_IMAGES].index)
    assert len(many) == 62
    assert not many & set(read_embedding(SHIPPED).cohort.rows["name"])


def test_real_lists_have_nine_null_rows(real_folder: Path) -> None:
    rows = (real_folder / "people.csv").read_text(encoding="utf-8").splitlines()
    assert sum(not row.strip(", ") for row in rows) == 9


def test_real_lists_agree_with_the_files(real_catalog: Catalog, real_manifest: Manifest) -> None:
    assert check_references(real_catalog, real_manifest.images["path"]).empty


def test_real_list_with_a_damaged_row_is_refused(real_folder: Path, tmp_path: Path) -> None:
    for path in real_folder.glob("*.csv"):
        shutil.copy(path, tmp_path)
    pairs = (tmp_path / "pairs.csv").read_bytes().replace(b"Abel_Pacheco,1,4,", b"Abel_Pacheco,1,")
    (tmp_path / "pairs.csv").write_bytes(pairs)
    with pytest.raises(DataError, match=r"pairs\.csv:2: "):
        read_catalog(tmp_path)
