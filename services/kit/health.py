"""`python -m services.kit.health`: exits 0 if the service in this container answers /health.

The image has no curl; the standard library is enough and imports in a few hundredths of a second.
"""

import http.client
import os
import sys


def healthy(port: int, timeout: float = 1.5) -> bool:
    """Whether a service on this host answers its health check."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if healthy(int(os.environ.get("PORT", "8000"))) else 1)
