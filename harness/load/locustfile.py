"""The load of a run as a Locust file: one user, whose task is everybody who arrives.

    python -m locust -f harness/load/locustfile.py --headless -u 1     with HARNESS_LOAD=load.json
    harness.load.LoadProcess                                            what a run does

Under `LoadProcess` it is told everything on stdin and reports on a pipe (`_process`). By hand it
reads the configuration that HARNESS_LOAD names and begins at once. Distributed, each worker takes
its share of the arrivals and each writes a part of its own.
"""

from typing import ClassVar

from locust import FastHttpUser, task
from locust.exception import StopUser

from harness.load._client import OnceClientPool, let_be
from harness.load._session import Session

_CONCURRENCY = 1 << 16
"""Connections to one service. A number is needed; it is one that is never reached."""

_LONG = 3600.0
"""Real seconds. Each request has a time-out of its own, for the whole of it (`_driver`)."""


class Everybody(FastHttpUser):
    """A single user on whose account people arrive; each is a greenlet with requests of its own."""

    host = "http://harness.invalid"  # each request names its service's address
    max_redirects = 0
    max_retries = 0
    client_pool = OnceClientPool(
        concurrency=_CONCURRENCY, connection_timeout=_LONG, network_timeout=_LONG
    )
    taken: ClassVar[bool] = False

    @task
    def arrive(self) -> None:
        """The whole load, once, however many users this process is told to have."""
        if not Everybody.taken:
            Everybody.taken = True
            let_be(self.client)
            Session(self.environment, self.client).run()
        raise StopUser
