"""What all proxies of one server share: event loop, resolver, pipes, seed, metrics and log."""

from collections.abc import Callable

from harness.proxy._loop import Loop
from harness.proxy._metrics import Metrics
from harness.proxy._pipes import PipePool
from harness.proxy._resolver import Resolver

Log = Callable[..., None]


class ServerContext:
    """The shared parts of one server, handed to each of its proxies."""

    def __init__(self, *, loop: Loop, seed: int, metrics: Metrics, log: Log) -> None:
        self.loop = loop
        self.seed = seed
        self.metrics = metrics
        self.log = log
        self.resolver = Resolver(loop)
        self.pipes = PipePool()
