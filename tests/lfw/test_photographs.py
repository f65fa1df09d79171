"""Images of one photograph are together, by content and by pairs, through others, too."""

import pandas as pd

from lfw.photographs import linked, photo_groups, shown_with

PAIRS = [("Fay/5", "Eve/7"), ("Ann/1", "Eve/7"), ("Dan/2", "Bob/3"), ("Eve/8", "Dan/9")]


def test_images_of_the_same_photographs_come_along_whatever_their_name() -> None:
    found = shown_with(linked(iter(PAIRS)), ["Ann/1", "Bob/3", "Cid/4"])
    assert found == {"Ann/1", "Bob/3", "Cid/4", "Eve/7", "Dan/2", "Fay/5"}


def test_what_nothing_links_stays_apart() -> None:
    assert linked([]) == []
    assert linked([(1, 1), (2, 3)]) == [{1}, {2, 3}]


def test_contents_and_pairs_link_images_and_all_others_are_alone() -> None:
    images = pd.DataFrame(
        {
            "image_path": ["Ann/1", "Bob/3", "Cid/4", "Dan/2", "Eve/7", "Eve/8"],
            "sha256": ["a", "b", "a", "d", "e", "b"],
        }
    )
    groups = photo_groups(images, [("Cid/4", "Eve/7"), ("Eve/8", "Gus/1")])
    assert {frozenset(group) for group in groups} == {
        frozenset({"Ann/1", "Cid/4", "Eve/7"}),
        frozenset({"Bob/3", "Eve/8", "Gus/1"}),
        frozenset({"Dan/2"}),
    }


def test_images_without_a_digest_are_alone() -> None:
    images = pd.DataFrame({"image_path": ["Ann/1", "Bob/3"], "sha256": [None, None]})
    assert sorted(map(sorted, photo_groups(images, []))) == [["Ann/1"], ["Bob/3"]]
