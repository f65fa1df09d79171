"""The libraries that commands spend most of their first seconds on, imported once for many.

Prefect is not among them: it reads its settings from the environment while it is imported.
"""

import gc
import importlib
import os

_LIBRARIES = (
    "cv2",
    "cyclopts",
    "httpx",
    "keras",
    "matplotlib.pyplot",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "pandas",
    "skimage.feature",
    "sklearn.decomposition",
    "sklearn.discriminant_analysis",
    "sklearn.linear_model",
    "sklearn.svm",
)

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read while MLflow is imported
for _name in _LIBRARIES:
    importlib.import_module(_name)
gc.freeze()
