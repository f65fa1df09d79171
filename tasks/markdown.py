"""Tables in Markdown, for artifacts."""

import pandas as pd


def table(frame: pd.DataFrame, limit: int = 50) -> str:
    """Write a frame as a Markdown table; rows beyond the limit are counted, not shown."""
    if frame.empty:
        return "None."
    head = frame.head(limit)
    lines = ["| " + " | ".join(map(str, head.columns)) + " |", "|" + " --- |" * len(head.columns)]
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
    return str(value).replace("|", "\\|").replace("\n", " ")
