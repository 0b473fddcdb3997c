"""Start the services of a stack concurrently, in an order that `depends_on` allows.

PostgreSQL's data is copied while the supervisor itself starts. The databases and the Toxiproxy
start while the supervisor preloads the modules of the ASGI services. Then each service starts as
soon as its dependencies are ready.
"""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path

from .._protocol import Settings
from .._proxies import create_proxies
from .._spec import PostgresRun, StackSpec
from ._messages import Preload, Reply, Request, Reserve, Spawn
from ._plan import Plan, make_plan, ports_needed
from ._postgres import Account, Postgres
from ._state import Owned, StateDir

Call = Callable[[Request], Reply]


class Starter:
    """One start of a stack. Call `prepare_data`, `plan`, `start_all` and `close` in this order."""

    def __init__(self, spec: StackSpec, settings: Settings, state: StateDir) -> None:
        self._spec, self._settings, self._state = spec, settings, state
        self._postgres = Postgres()
        self._data: dict[str, Path] = {}
        self._filled: dict[str, Future[None]] = {}
        self._started: dict[str, Future[None]] = {}
        self._ready: dict[str, Future[None]] = {}
        # A thread for each service, because it waits for others, one to fill the data of each,
        # and two for the links and the preloading.
        self._pool = ThreadPoolExecutor(2 * len(spec.services) + 2, "stack-start")

    def close(self) -> None:
        """End the threads; starts that have not begun are cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def prepare_data(self) -> None:
        """Start to fill the data directories of the PostgreSQL services, in the background.

        Raises:
            StackError: PostgreSQL is not installed, or a service has no password.
        """
        for name, service in self._spec.services.items():
            if isinstance(service.run, PostgresRun):
                overrides = (self._settings.environment or {}).get(name, {})
                account = Account.of(name, {**service.environment, **overrides})
                data = self._postgres.new_data()
                self._state.own(Owned(name=name, path=str(data)))
                self._data[name] = data
                self._filled[name] = self._pool.submit(self._postgres.fill, data, account)

    def plan(self, call: Call) -> Plan:
        """Create the volumes, reserve the ports, and return the plan."""
        for service in self._spec.services.values():
            for volume in service.volumes.values():
                (self._state.volumes / volume).mkdir(parents=True, exist_ok=True)
        free = call(Reserve(count=ports_needed(self._spec))).ports
        return make_plan(
            self._spec,
            self._settings,
            self._state,
            free=free,
            data=self._data,
            postgres=self._postgres,
        )

    def start_all(self, plan: Plan, call: Call, await_ready: Callable[[str], None]) -> None:
        """Start every process of `plan`; return when all are ready.

        Raises:
            StackError: a process did not start; if several did not, the first that failed.
        """
        call(Spawn(spec=plan.processes[self._spec.toxiproxy]))
        for name, filled in self._filled.items():
            filled.result()
            call(Spawn(spec=plan.processes[name]))
        links = self._pool.submit(self._create_links, plan, await_ready)
        self._pool.submit(call, self._preload(plan))
        dependencies = {name: s.depends_on.keys() for name, s in self._spec.services.items()}
        order = [n for n in TopologicalSorter(dependencies).static_order() if n in dependencies]
        for name in order:
            self._started[name] = Future()
            self._ready[name] = self._pool.submit(
                self._start_one, name, plan, call, await_ready, links
            )
        everything = [links, *self._ready.values()]
        wait(everything, return_when=FIRST_EXCEPTION)
        for future in everything:
            if future.done():
                future.result()

    def _start_one(
        self,
        name: str,
        plan: Plan,
        call: Call,
        await_ready: Callable[[str], None],
        links: Future[None],
    ) -> None:
        started = self._started[name]
        try:
            if name not in self._data:  # databases need no link, and run already
                links.result()
                for other, condition in self._spec.services[name].depends_on.items():
                    healthy = condition == "service_healthy"
                    futures = self._ready if healthy else self._started
                    if other in futures:
                        futures[other].result()
                call(Spawn(spec=plan.processes[name]))
        except BaseException as error:
            started.set_exception(error)
            raise
        started.set_result(None)
        await_ready(name)

    def _create_links(self, plan: Plan, await_ready: Callable[[str], None]) -> None:
        await_ready(self._spec.toxiproxy)
        create_proxies(f"127.0.0.1:{plan.api}", plan.proxies(self._spec))

    def _preload(self, plan: Plan) -> Preload:
        apps = [process for process in plan.processes.values() if process.app]
        base = plan.processes[self._spec.toxiproxy].environment.keys()
        return Preload(
            factories=tuple(process.app for process in apps),
            paths=(str(self._spec.directory), str(Path.cwd())),
            variables=tuple(
                {name for process in apps for name in process.environment if name not in base}
            ),
        )
