"""The tables of a comparison as people read them, in a terminal and on a page."""

from collections.abc import Iterable
from typing import Any

from lfw.comparison import without_p

Row = dict[str, Any]


def shown_summary(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Write the rows of a summary.

    Parameters
    ----------
    rows
        Of :func:`lfw.comparison.summarise`, None where a number is missing.

    Returns
    -------
    list of dict
        Text by column, the same columns in every row.
    """
    return [_of_summary(row) for row in rows]


def shown_tests(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Write the rows of paired tests: without a p-value, its reason.

    Parameters
    ----------
    rows
        Of :func:`lfw.comparison.compare_pairs`, None where a number is missing.

    Returns
    -------
    list of dict
        Text by column, the same columns in every row.
    """
    return [_of_tests(row) for row in rows]


def _of_summary(row: Row) -> dict[str, str]:
    name = row["classifier"] + " (OUTSIDE DATA)" * row["outside_data"]
    return {
        "selection": row["selection"],
        "classifier": name + " (baseline)" * row["baseline"],
        "mean [95 %]": f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]",
        "sd": "" if row["sd"] is None else f"{row['sd']:.3f}",
        **{name: f"{row[name]:.3f}" for name in ("min", "max")},
        "macro F1": f"{row['macro_f1']:.3f}",
        "seeds": str(row["seeds"]),
        "test images": str(row["test_images"]),
    }


def _of_tests(row: Row) -> dict[str, str]:
    def p_values(test: str) -> str:
        if row[f"{test}_p"] is None:
            return without_p(row["seeds"])
        return f"{row[f'{test}_p']:.3f}, {row[f'{test}_holm']:.3f}"

    return {
        "selection": row["selection"],
        "pair": f"{row['first']} - {row['second']}",
        "gain": f"{row['gain']:+.4f}",
        "above on": f"{row['above']} of {row['seeds']}",
        "t test": p_values("t"),
        "McNemar": p_values("mcnemar"),
    }
