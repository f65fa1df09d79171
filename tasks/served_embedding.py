"""The registered embedding, as MLflow serves it: raw pixels in, vectors out.

MLflow runs this file when it loads a model version (models from code: nothing is unpickled).
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class FaceEmbedding(PythonModel):
    """Take faces to vectors whose cosine says how alike they are."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the network."""
        from lfw.serving import load_model

        self.network = load_model(Path(context.artifacts["embedding.keras"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> np.ndarray:
        """Answer for raw RGB pixels of shape (n, 250, 250, 3), 0 to 255."""
        from lfw.serving import predict

        return predict(self.network, np.asarray(model_input))


mlflow.models.set_model(FaceEmbedding())
