"""Questions to the servers of a team's stack, asked with its logins."""

import json
from typing import Any

import httpx

from tests.infra.stack.processes import TeamStack

LFW = ("python", "-m", "infra.cli")
LISTING = """
import json
from infra.stack.bucket import Bucket
print(json.dumps(dict(Bucket().objects())))
"""


def ask_prefect(stack: TeamStack, path: str, **asked: Any) -> Any:
    user, _, password = stack.secret("prefect_login").partition(":")
    url = f"{stack.url('prefect')}/api/{path}"
    answer = httpx.request(
        "POST" if asked else "GET", url, json=asked or None, auth=(user, password), timeout=60
    )
    assert answer.is_success, answer.text
    return answer.json()


def start_run(stack: TeamStack, deployment: str, **asked: Any) -> str:
    """Start a run as the form of the Prefect UI does, and give its id."""
    number = ask_prefect(stack, f"deployments/name/{deployment}")["id"]
    run = ask_prefect(stack, f"deployments/{number}/create_flow_run", state=None, **asked)
    return str(run["id"])


def ended(stack: TeamStack, run: str) -> dict[str, Any]:
    """Wait until the worker is through with a run, and give all that is known of it."""
    path = f"flow_runs/{run}"
    stack.wait_for_run(lambda: ask_prefect(stack, path)["state"])
    found: dict[str, Any] = ask_prefect(stack, path)
    return found


def set_state(stack: TeamStack, run: str, state: str) -> None:
    """Say of a run what its worker would say."""
    ask_prefect(stack, f"flow_runs/{run}/set_state", state={"type": state}, force=True)


def runs_of(stack: TeamStack, flow: str) -> list[dict[str, Any]]:
    """List the runs of a flow."""
    wanted = {"name": {"any_": [flow]}}
    found: list[dict[str, Any]] = ask_prefect(stack, "flow_runs/filter", flows=wanted)
    return found


def doctor(stack: TeamStack, expect: int = 0, **login: str) -> dict[str, str]:
    """Give what the doctor says to a worker, by name."""
    command = (*LFW, "doctor", "--json")
    said = stack.run_as({"LFW_SOURCE": "sample", **login}, "worker", *command, expect=expect)
    found = json.loads(next(line for line in said.splitlines() if line.startswith("[")))
    return {one["name"]: one["state"] for one in found}


def ask_mlflow(stack: TeamStack, call: str, /, user: str = "admin", **asked: Any) -> Any:
    auth = (user, stack.secret(f"mlflow_{user}_password"))
    answer = httpx.get(
        f"{stack.url('mlflow')}/api/2.0/mlflow/{call}", params=asked, auth=auth, timeout=60
    )
    assert answer.is_success, answer.text
    return answer.json()


def as_client(stack: TeamStack, code: str, *arguments: str) -> Any:
    """Run code with the workers' settings, and give the JSON that it prints last."""
    said = stack.run("worker", "python", "-c", code, *arguments)
    lines = [line for line in said.splitlines() if line.startswith(("{", "["))]
    return json.loads(lines[0])


def objects(stack: TeamStack) -> dict[str, int]:
    found: dict[str, int] = json.loads(stack.run("tools", "python", "-c", LISTING))
    return found
