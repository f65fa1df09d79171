"""Fill a laptop's data folder: `python -m tests.infra.stack.laptop FOLDER` prints the ids."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient

from infra.mlflow_store import prepare_tracking_store, tracking_uri


class Echo(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """A model that says what it is given."""

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        return model_input


def fill(folder: Path) -> dict[str, Any]:
    os.environ["MLFLOW_TRACKING_URI"] = ""
    prepare_tracking_store(folder)
    mlflow.set_tracking_uri(tracking_uri(folder))
    client = MlflowClient()
    root = (folder / "mlflow" / "artifacts" / "faces").absolute()
    experiment = client.create_experiment("faces", artifact_location=str(root))
    with mlflow.start_run(experiment_id=experiment, run_name="on a laptop") as run:
        mlflow.log_params({"seed": 3, "people": "Ärzte, Ö"})
        for step in range(3):
            mlflow.log_metric("accuracy", step / 4, step=step)
        mlflow.log_text("kept", "notes/today.txt")
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=Echo(), pip_requirements=["mlflow"]
        )
        # Told to the run in MLflow's own words, so neither is lost.
        mlflow.set_tag("where", "laptop")
    client.create_registered_model("lfw-faces")
    version = client.create_model_version(
        "lfw-faces", logged.model_uri, run_id=run.info.run_id, model_id=logged.model_id
    )
    client.set_registered_model_alias("lfw-faces", "champion", version.version)
    return {"run_id": run.info.run_id, "experiment_id": experiment}


if __name__ == "__main__":
    print(json.dumps(fill(Path(sys.argv[1]))))
