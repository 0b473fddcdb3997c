"""Container health check: `python -m services.kit.health` exits 0 if `/health` answers 200.

The image has no curl. The standard library is enough, and imports in a few hundredths of a second.
"""

import http.client
import os
import sys


def is_healthy(port: int, timeout: float = 1.5) -> bool:
    """Return True if the service on this host's `port` answers its health check with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(os.environ.get("PORT", "8000"))) else 1)
