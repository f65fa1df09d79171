"""Pictures of people who are forgotten go, also of runs that are in MLflow's trash."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from lfw.errors import InputError
from lfw.parameters import ForgetParameters
from tasks.forgetting import _remove_pictures, check_known

PERSON = "Ann_Lee"
ROWS = "image_path,truth,answer\n{0}/{0}_0001.jpg,{0},Bob\n"


def tell(client: MlflowClient, experiment: str, person: str) -> str:
    """Log a run that shows somebody."""
    run_id = str(client.create_run(experiment).info.run_id)
    client.log_text(run_id, ROWS.format(person), "evaluate/mistakes.csv")
    client.log_text(run_id, "a picture", "evaluate/mistakes.png")
    client.log_text(run_id, "a page with pictures", "report.html")
    return run_id


def test_an_empty_form_forgets_nobody_and_says_so() -> None:
    with pytest.raises(InputError, match=r"^people: nobody is named"):
        check_known(ForgetParameters())


@pytest.mark.usefixtures("store")
def test_they_go_from_runs_and_experiments_that_were_deleted(tmp_path: Path) -> None:
    client = MlflowClient()
    kept = client.create_experiment("kept", str(tmp_path / "kept"))
    gone = client.create_experiment("gone", str(tmp_path / "gone"))
    shown = [tell(client, kept, PERSON), tell(client, kept, PERSON), tell(client, gone, PERSON)]
    other = tell(client, kept, "Ann_Leeds")
    client.delete_run(shown[1])
    client.delete_experiment(gone)

    assert _remove_pictures({PERSON}) == 2 * len(shown)

    left = {path.parent for path in tmp_path.rglob("report.html")}
    left |= {path.parent.parent for path in tmp_path.rglob("mistakes.png")}
    assert left == {tmp_path / "kept" / other / "artifacts"}
    assert "report.html removed" in client.get_run(shown[0]).data.tags["forgotten"]
    assert _remove_pictures({PERSON}) == 0
