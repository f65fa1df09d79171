"""Tables in Markdown, for artifacts."""

from html import escape

import pandas as pd


def table(frame: pd.DataFrame, limit: int = 50) -> str:
    """Write a frame as a Markdown table; rows beyond the limit are counted, not shown.

    What is in a cell is shown as it is: neither HTML nor a link comes of it.
    """
    if frame.empty:
        return "None."
    head = frame.head(limit)
    lines = ["| " + " | ".join(map(_cell, head.columns)) + " |", "|" + " --- |" * len(head.columns)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in head.itertuples(index=False)]
    if len(frame) > limit:
        lines.append(f"\nand {len(frame) - limit:,} more rows.")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, int) or hasattr(value, "dtype"):
        return f"{value:,}"
    text = escape(str(value), quote=False).replace("\n", " ")
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("[", "\\[")
