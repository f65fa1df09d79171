"""A container's health check: `python -m infra.stack.healthy URL` ends with 0 if it answers 200."""

import http.client
import sys
from urllib.parse import urlsplit


def healthy(url: str, seconds: float = 8.0) -> bool:
    """Say whether an http address answers with 200 in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1]))
