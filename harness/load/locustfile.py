"""The load of a run as a Locust file: everybody who arrives, on the account of Locust's users.

    harness.load.LoadProcess, DistributedLoad                       what a run does
    HARNESS_LOAD=load.json locust -f harness/load/locustfile.py     by hand, with a web UI
    HARNESS_LOAD=load.json locust -f harness/load/locustfile.py --master        and with workers
    locust -f harness/load/locustfile.py --worker --master-host HOST

Under a conductor it is told everything on stdin and reports on a pipe (`_process`). By hand it
reads the configuration that HARNESS_LOAD names, and begins when Locust starts. Distributed, the
master tells its workers what they need; each takes its share of the arrivals, and sends its
record to the master (`_master`, `_worker`).

How many users Locust is told to have makes no difference: who arrives, and when, is drawn from
the seed. One user is enough, so that Locust counts the load as running.
"""

from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from harness.load._alone import Alone
from harness.load._client import OnceClientPool, let_be
from harness.load._master import Master
from harness.load._web import guard
from harness.load._worker import Worker

_CONCURRENCY = 1 << 16
"""Connections to one service. A number is needed; it is one that is never reached."""

_LONG = 3600.0
"""Real seconds. Each request has a time-out of its own, for the whole of it (`_driver`)."""


class Everybody(FastHttpUser):
    """Owns the connections; each person who arrives is a greenlet with requests of its own."""

    host = "http://harness.invalid"  # each request names its service's address
    max_redirects = 0
    max_retries = 0
    client_pool = OnceClientPool(
        concurrency=_CONCURRENCY, connection_timeout=_LONG, network_timeout=_LONG
    )

    @task
    def wait(self) -> None:
        """Be there until Locust stops."""
        gevent.sleep(_LONG)


def listen_here_only(parser: Any) -> None:
    """Locust would take orders on every interface of this machine, from anybody."""
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")


def take_part(environment: Environment, **_: object) -> None:
    """Be what Locust was started as."""

    def client() -> FastHttpSession:
        session: FastHttpSession = Everybody(environment).client
        let_be(session)
        return session

    if environment.web_ui is not None:
        guard(environment.web_ui)
    if isinstance(environment.runner, MasterRunner):
        Master(environment)
    elif isinstance(environment.runner, WorkerRunner):
        Worker(environment, client)
    else:
        Alone(environment, client)


_events: Any = events
_events.init_command_line_parser.add_listener(listen_here_only)
_events.init.add_listener(take_part)
