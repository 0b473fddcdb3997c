"""Start containers in the order of `depends_on`, each as early as possible.

The Toxiproxy is first, then one proxy for each link, then each service as soon as its dependencies
are ready. Compose itself would wait for health checks that run every few seconds.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from .._spec import PostgresRun, Service

Act = Callable[[str], None]


def start_all(services: Mapping[str, Service], *, start: Act, ready: Act, links: Act) -> None:
    """Start all `services`; return when all are ready.

    Databases call no other service, so they start at once.

    Args:
        services: the services by name.
        start: starts one service.
        ready: waits until one service is ready.
        links: creates the proxies; its argument is not used.

    Raises:
        StackError: a service did not start; the first cause, not its consequences.
    """
    started: dict[str, Future[None]] = {name: Future() for name in services}
    done: dict[str, Future[None]] = {}

    def start_one(name: str) -> None:
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
                done[name] = pool.submit(start_one, name)
        everything = [linked, *done.values()]
        wait(everything, return_when=FIRST_EXCEPTION)
        for future in everything:
            if future.done():
                future.result()
