"""The locustfile of the harness: sends the scheduled arrivals of a run, or of a configuration.

    harness.load.LoadProcess, DistributedLoad                       in a run
    HARNESS_LOAD=load.json locust -f harness/load/locustfile.py     by hand, with a web UI
    HARNESS_LOAD=load.json locust -f harness/load/locustfile.py --master        and with workers
    locust -f harness/load/locustfile.py --worker --master-host HOST

In a run it gets instructions on stdin and reports on a pipe (`_process`). By hand it reads the
configuration that HARNESS_LOAD names, and starts when Locust does. With workers, the master sends
each worker its share of the arrivals, and the worker sends its record to the master (`_master`,
`_worker`).

The number of users that Locust is given makes no difference: the seed decides when users arrive.
One user is enough for Locust to count the load as running.
"""

from typing import Any

import gevent
from locust import FastHttpUser, events, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from harness.load._client import OnceClientPool, disable_browser_features
from harness.load._master import Master
from harness.load._single_process import SingleProcess
from harness.load._web import guard
from harness.load._worker import Worker

_CONCURRENCY = 1 << 16
"""Connections to one service: the client needs a limit, and this one is never reached."""

_NO_TIMEOUT = 3600.0
"""Wall-clock seconds; each request has its own time-out (`_driver`)."""


class OpenLoadUser(FastHttpUser):
    """The one Locust user: owns the connections; each arrival is a greenlet that uses them."""

    host = "http://harness.invalid"  # each request names its service's address
    max_redirects = 0
    max_retries = 0
    client_pool = OnceClientPool(
        concurrency=_CONCURRENCY, connection_timeout=_NO_TIMEOUT, network_timeout=_NO_TIMEOUT
    )

    @task
    def wait(self) -> None:
        """Stay until Locust stops."""
        gevent.sleep(_NO_TIMEOUT)


def listen_on_loopback(parser: Any) -> None:
    """Set loopback as the default address: Locust's own default is every interface."""
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")


def start_role(environment: Environment, **_: object) -> None:
    """Start the master, the worker or the single process, as Locust was started."""

    def client() -> FastHttpSession:
        session: FastHttpSession = OpenLoadUser(environment).client
        disable_browser_features(session)
        return session

    if environment.web_ui is not None:
        guard(environment.web_ui)
    if isinstance(environment.runner, MasterRunner):
        Master(environment)
    elif isinstance(environment.runner, WorkerRunner):
        Worker(environment, client)
    else:
        SingleProcess(environment, client)


_events: Any = events
_events.init_command_line_parser.add_listener(listen_on_loopback)
_events.init.add_listener(start_role)
