"""What Prefect and MLflow cost by themselves: a flow whose tasks do nothing, tracked.

    PREFECT_API_URL=… python -m benchmarks.peers.tracked FOLDER

As many tasks as `lfw train` has, each with one artifact; an MLflow run in the folder's SQLite store
with a few parameters and metrics; a model of one line logged with signature and example, and
registered. Nothing of the project but the number of tasks: what orchestration and tracking take at
the least.
"""

import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.models import infer_signature
from mlflow.pyfunc.model import PythonModel
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

TASKS = 18
"""Of `lfw train`: twelve stages, and the tasks around them."""


class Nothing(PythonModel):
    """Give back what it is given."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002
        """Give back what it is given."""
        return model_input


@task
def do_nothing(number: int) -> int:
    """Say so in an artifact."""
    create_markdown_artifact(key=f"nothing-{number}", markdown="# Nothing\n")
    return number


@flow
def nothing(folder: str) -> None:
    """Do nothing, in as many tasks as a training has, and track it."""
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    if mlflow.get_experiment_by_name("nothing") is None:
        mlflow.create_experiment("nothing", artifact_location=f"{folder}/artifacts")
    mlflow.set_experiment("nothing")
    with mlflow.start_run():
        mlflow.log_params({f"parameter_{k}": k for k in range(20)})
        for number in range(TASKS):
            do_nothing(number)
        mlflow.log_metrics({f"metric_{k}": float(k) for k in range(40)})
        example = np.zeros((1, 4))
        mlflow.pyfunc.log_model(
            name="model",
            python_model=Nothing(),
            signature=infer_signature(example, example),
            input_example=example,
            pip_requirements=["mlflow", "numpy"],
            registered_model_name="nothing",
        )


if __name__ == "__main__":
    nothing(str(Path(sys.argv[1]).resolve()))
