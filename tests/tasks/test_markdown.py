"""Tests of tables in artifacts."""

import pandas as pd

from tasks.markdown import table


def test_a_row_a_line_with_readable_numbers() -> None:
    frame = pd.DataFrame({"name": ["A|B", "C"], "images": [13233, 1], "share": [0.12345, 2.5]})
    assert table(frame).splitlines() == [
        "| name | images | share |",
        "| --- | --- | --- |",
        "| A\\|B | 13,233 | 0.1235 |",
        "| C | 1 | 2.50 |",
    ]


def test_cells_are_shown_as_they_are() -> None:
    """Names come from foreign files: neither an element nor a link may come of them."""
    evil = [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "a\\|b",
        "<img src=x onerror=y>",
    ]
    assert table(pd.DataFrame({"name": evil})).splitlines()[2:] == [
        "| &lt;script&gt;alert(1)&lt;/script&gt; |",
        "| \\[x](javascript:alert(1)) |",
        "| a\\\\\\|b |",
        "| &lt;img src=x onerror=y&gt; |",
    ]
    heading = table(pd.DataFrame({evil[0]: [1]})).splitlines()[0]  # as in a table of confusions
    assert heading == "| &lt;script&gt;alert(1)&lt;/script&gt; |"


def test_missing_values_are_empty() -> None:
    assert table(pd.DataFrame({"a": [None, 1.0]})).splitlines()[2] == "|  |"


def test_what_is_cut_is_counted() -> None:
    assert table(pd.DataFrame({"a": range(7)}), limit=5).endswith("and 2 more rows.")


def test_nothing_says_so() -> None:
    assert table(pd.DataFrame({"a": []})) == "None."
