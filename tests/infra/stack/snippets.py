"""Code that the processes of services run in tests of a team's stack."""

PREDICT = """
import json, sys
import mlflow, numpy as np
version = mlflow.MlflowClient().get_model_version("lfw-faces", sys.argv[1])
model = mlflow.pyfunc.load_model(f"models:/lfw-faces/{sys.argv[1]}")
seen = model.predict(np.full((2, 250, 250, 3), 90, dtype=np.uint8))
print(json.dumps({"run_id": version.run_id, "rows": len(seen), "columns": list(seen.columns)}))
"""
AGAIN = """
import os
from infra.stack.bucket import Bucket
from infra.stack.deploy import deploy, ensure_work_pool, ensure_worker_login
from prefect.client.orchestration import get_client
Bucket().ensure()
print(ensure_worker_login(os.environ["MLFLOW_WORKER_PASSWORD"]), ensure_work_pool())
with get_client(sync_client=True) as prefect:
    nightly = prefect.read_deployment_by_name("train-faces/nightly")
    prefect.update_deployment_schedule(nightly.id, nightly.schedules[0].id, active=True)
    deploy()
    [schedule] = prefect.read_deployment_by_name("train-faces/nightly").schedules
    print("nightly schedule is on:", schedule.active)
    prefect.update_deployment_schedule(nightly.id, schedule.id, active=False)
"""
PROMOTED = """
from tasks.promotion import _tell
_tell("promoted", "1", {"former": None, "why": "a test of what is told"})
"""
ECHO = """
import json
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/lfw-faces@champion")
print(json.dumps(model.predict(pd.DataFrame({"a": [1, 2]}))["a"].tolist()))
"""
