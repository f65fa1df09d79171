"""The registered model, as MLflow serves it: raw pixels in, names and probabilities out.

MLflow runs this file when it loads a model version (models from code: nothing is unpickled).
"""

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class FaceClassifier(PythonModel):
    """Tell which of its people a face belongs to, or that it is likely none of them."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the network and the names of its classes."""
        from lfw.serving import load_model

        self.model = load_model(Path(context.artifacts["model"]))
        named = json.loads(Path(context.artifacts["classes"]).read_text(encoding="utf-8"))
        self.classes = tuple(named)
        self.threshold = json.loads(Path(context.artifacts["threshold"]).read_text("utf-8"))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Answer for raw RGB pixels of shape (n, 250, 250, 3), 0 to 255."""
        from lfw.serving import answers, predict

        return answers(predict(self.model, np.asarray(model_input)), self.classes, self.threshold)


mlflow.models.set_model(FaceClassifier())
