"""Make the stack's secrets, once: `python3 -m infra.stack.make_secrets`, in the checkout.

It needs nothing but Python itself: the machine that runs the containers has nothing else.
"""

import json
import secrets
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "secrets"
PASSWORDS = (
    "postgres_password",
    "prefect_database_password",
    "mlflow_database_password",
    "mlflow_admin_password",
    "mlflow_worker_password",
    "mlflow_secret_key",
    "s3_access_key",
    "s3_secret_key",
)
LOGIN, IDENTITIES = "prefect_login", "s3_identities.json"


def make_secrets(folder: Path) -> list[str]:
    """Write a random value into each file of secrets that is not there yet.

    The folder is its owner's alone. The files in it can be read by all: containers see single
    files, under other users' ids.

    Parameters
    ----------
    folder
        Where the files go.

    Returns
    -------
    list of str
        Names of the files that were made; those that were there are left as they are.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = []
    for name in PASSWORDS:
        made += _write(folder / name, secrets.token_urlsafe(32))
    made += _write(folder / LOGIN, f"admin:{secrets.token_urlsafe(32)}")
    if not (folder / IDENTITIES).exists():
        keys = {
            "accessKey": (folder / "s3_access_key").read_text(encoding="utf-8").strip(),
            "secretKey": (folder / "s3_secret_key").read_text(encoding="utf-8").strip(),
        }
        known = {"name": "mlflow", "credentials": [keys], "actions": ["Admin"]}
        made += _write(folder / IDENTITIES, json.dumps({"identities": [known]}))
    return made


def _write(path: Path, text: str) -> list[str]:
    if path.exists():
        return []
    partial = path.with_name(f".{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(0o444)
    partial.replace(path)
    return [path.name]


def main() -> None:
    """Make what is missing, and say so."""
    made = make_secrets(FOLDER)
    print(f"{FOLDER}: made {', '.join(made)}." if made else f"{FOLDER}: all were there already.")


if __name__ == "__main__":
    main()
