"""Starts the containers in an order that `depends_on` allows and that wastes no time.

The Toxiproxy first, then one proxy for each link, then every service as soon as those that it
depends on are ready. Compose's own order would wait for health checks that run every few seconds.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from .._spec import PostgresRun, Service

Act = Callable[[str], None]


def start_all(services: Mapping[str, Service], *, start: Act, ready: Act, links: Act) -> None:
    """Start every one of `services`; returns when all are ready.

    `start` starts one, `ready` waits until one is ready, `links` makes the proxies (its argument
    means nothing). Databases call nobody and start at once.

    Raises:
        StackError: one did not start; the first cause, not what followed from it.
    """
    started: dict[str, Future[None]] = {name: Future() for name in services}
    done: dict[str, Future[None]] = {}

    def one(name: str) -> None:
        try:
            if not isinstance(services[name].run, PostgresRun):
                linked.result()
                for other, condition in services[name].depends_on.items():
                    if other in services:
                        (done if condition == "service_healthy" else started)[other].result()
            start(name)
        except BaseException as error:
            started[name].set_exception(error)
            raise
        started[name].set_result(None)
        ready(name)

    with ThreadPoolExecutor(len(services) + 1, "stack-start") as pool:
        linked = pool.submit(links, "")
        dependencies = {name: service.depends_on.keys() for name, service in services.items()}
        for name in TopologicalSorter(dependencies).static_order():
            if name in services:
                done[name] = pool.submit(one, name)
        everything = [linked, *done.values()]
        wait(everything, return_when=FIRST_EXCEPTION)
        for future in everything:
            if future.done():
                future.result()
