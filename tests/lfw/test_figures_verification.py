from pathlib import Path

import numpy as np
import pytest

from lfw.figure_style import save
from lfw.figures_verification import plot_roc
from lfw.verification import verify


@pytest.mark.filterwarnings("error")
def test_the_roc_figure_states_what_it_shows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    same = np.tile([True, False], 100)
    found = verify(same, same + rng.normal(size=200), np.repeat(np.arange(1, 11), 20))
    figure = plot_roc(found, "View 2, by chance")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["View 2, by chance", f"Few false accepts: {found.tar_at_far:.1%} at FAR 1 %"]
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert f"{found.accuracy:.1%}" in said
    assert "200 pairs" in said
    for name in ("one.png", "two.png"):
        save(plot_roc(found, "View 2, by chance"), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
