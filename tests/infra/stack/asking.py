"""Questions to the servers of a team's stack, asked with its logins."""

import json
from typing import Any

import httpx

from tests.infra.stack.processes import TeamStack

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
