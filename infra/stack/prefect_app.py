"""Prefect's server, for uvicorn: `uvicorn --factory infra.stack.prefect_app:create`.

Prefect does not look at the host that a request names, as MLflow does: a web site whose name is
made to lead to the server would pass for one of its own pages.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SERVICE = "prefect"
"""The server's host name among the stack's containers."""


def create() -> "ASGIApp":
    """Make what ``prefect server start`` serves, for requests that name a known host."""
    from prefect.server.api.server import create_app
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return TrustedHostMiddleware(create_app(final=True), allowed_hosts=known_hosts(os.environ))


def known_hosts(environ: Mapping[str, str]) -> list[str]:
    """Name this machine, the service, and the host under which people find the pages.

    Parameters
    ----------
    environ
        With ``PREFECT_SERVER_UI_API_URL``, if people find them under another name.
    """
    shown_at = urlsplit(environ.get("PREFECT_SERVER_UI_API_URL", "")).hostname
    return sorted({"127.0.0.1", "localhost", SERVICE} | ({shown_at} if shown_at else set()))
