"""Revert every change that an intent file describes as possibly still in effect.

Healing is idempotent and touches only what the intents name: toxics by their names, proxies that
listen where they did, processes with the recorded pid and start time, containers by their ids.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from harness.errors import HarnessError, UnhealedError
from harness.stack import GoneError, get_backend, owners

from ._api_client import GivenUpError
from ._errors import ChaosError
from ._intents import Intent, Intents, outstanding
from ._lease import mark_lapsed, read_lease
from ._toxiproxy import ProxyState, Toxiproxy

_TIMEOUT = 5.0
"""Wall-clock seconds to wait for a Toxiproxy's answer."""

ANSWER_LIMIT = 15.0
"""Wall-clock seconds that slow answers of a Toxiproxy may take in all of one healing."""


@dataclass(frozen=True)
class _Outcome:
    """What was done about some intents, or why it failed."""

    text: str
    healed: list[Intent]
    """The intents whose changes are reverted now; none if that failed."""


def heal(state_dir: Path) -> list[str]:
    """Revert every fault that a run left in `state_dir`; return one line for each thing done.

    Raises:
        UnhealedError: some changes could not be reverted; one line each, with what to do by hand.
    """
    left = outstanding(state_dir)
    if not left:
        return []
    done = list(_mark_lease_lapsed(state_dir))
    problems: list[str] = []
    healed: list[Intent] = []
    groups = _group_by(left, "where")

    def heal_group(group: tuple[str, list[Intent]]) -> list[_Outcome]:
        return [*_heal_proxies(*group, state_dir), *_heal_services(*group)]

    # At the same time, so that one server that does not answer does not delay the others.
    with ThreadPoolExecutor(len(groups), "heal") as pool:
        for outcomes in pool.map(heal_group, groups):
            for outcome in outcomes:
                (done if outcome.healed else problems).append(outcome.text)
                healed += outcome.healed
    _mark_undone(state_dir, healed)
    if problems:
        raise UnhealedError("\n".join([*problems, *(f"(healed: {line})" for line in done)]))
    return done


def _mark_lease_lapsed(state_dir: Path) -> Iterator[str]:
    """Let a run that is still in progress know that its faults are being healed."""
    lease = read_lease(state_dir)
    if lease is not None and lease.owner.is_alive and lease.owner.pid != os.getpid():
        mark_lapsed(state_dir)
        yield f"process {lease.owner.pid} still runs with these faults; it can inject no more"


def _heal_proxies(address: str, intents: list[Intent], state_dir: Path) -> Iterator[_Outcome]:
    ours = [intent for intent in intents if intent.change in ("toxic", "disable", "recreate")]
    if not ours:
        return
    ended = _Outcome(f"toxiproxy {address} has ended, and its toxics with it", ours)
    server = Toxiproxy(address, timeout=_TIMEOUT)
    tried: list[Intent] = []
    try:
        with server.limit(ANSWER_LIMIT):
            states = server.proxies()
            for name, group in _group_by(ours, "name"):
                yield _heal_proxy(server, states.get(name), name, group)
                tried += group
    except GoneError:
        yield ended
    except HarnessError as error:
        if _has_container_ended(address, state_dir):
            yield ended
            return
        left = (intent.name for intent in ours if intent not in tried)
        names = ", ".join(dict.fromkeys(left))
        yield _Outcome(f"{error}; faults may be left on {names}", [])
    finally:
        server.close()


def _has_container_ended(address: str, state_dir: Path) -> bool:
    """Return True if the server was a container that does not run any more.

    A process that has ended leaves a port that refuses. A container that has ended leaves an
    address without an answer, as a network problem does; therefore its backend is asked.
    """
    host = address.rpartition(":")[0]
    try:
        return not all(backend.hosts(state_dir, host) for backend in owners(state_dir))
    except HarnessError:
        return False  # it cannot be found out; the first error is reported


def _heal_proxy(
    server: Toxiproxy, state: ProxyState | None, name: str, intents: list[Intent]
) -> _Outcome:
    """Revert `intents`, which are all on the proxy `name`.

    Raises:
        GivenUpError: the server does not answer.
    """
    changes = {intent.change for intent in intents}
    recreating = [intent for intent in intents if intent.change == "recreate"]
    try:
        if state is None and recreating:
            server.create(name, recreating[-1].upstream, recreating[-1].listen)
            return _Outcome(f"{name}: created its proxy again", intents)
        # The upstream is not compared: a backend redirects the links of a service that is down.
        if state is None or state.listen != intents[0].listen:
            return _Outcome(f"{name}: its proxy is gone, and the fault with it", intents)
        there = set(server.toxics(name))
        toxics = [intent.toxic for intent in intents if intent.toxic in there]
        was_disabled_by_us = bool(changes & {"disable", "recreate"})
        done = []
        if toxics:
            server.recreate(name, without=toxics, enable=was_disabled_by_us)
            done.append(f"removed {', '.join(toxics)}")
        if was_disabled_by_us and not state.enabled:
            server.enable(name)
            done.append("enabled it again")
    except GivenUpError:
        raise  # the other proxies of this server are not tried
    except HarnessError as error:
        return _Outcome(f"{error}; by hand: restart the Toxiproxy at {server.address}", [])
    return _Outcome(f"{name}: {' and '.join(done) or 'nothing was left of its fault'}", intents)


def _heal_services(backend: str, intents: list[Intent]) -> Iterator[_Outcome]:
    for intent in intents:
        if intent.change == "down":
            yield _Outcome(f"{intent.name}: was left down; `harness up` starts it", [intent])
        elif intent.record:
            yield _heal_container(backend, intent)
        elif intent.change == "pause" and "containers" in get_backend(backend).capabilities:
            # Only a record says which container it was.
            yield _Outcome(
                f"{intent.name}: is paused on {backend}; `docker compose unpause` it", []
            )
        elif intent.change == "pause":
            resumed = [one.pid for one in intent.processes if one.resume()]
            text = f"resumed ({len(resumed)} processes)" if resumed else "its processes are gone"
            yield _Outcome(f"{intent.name}: {text}", [intent])


def _heal_container(backend: str, intent: Intent) -> _Outcome:
    try:
        done = get_backend(backend).restore(intent.change, intent.record)
    except HarnessError as error:
        return _Outcome(f"{error}; by hand: `harness heal` once the engine answers", [])
    return _Outcome(f"{intent.name}: {done}", [intent])


def _group_by(intents: Iterable[Intent], key: str) -> list[tuple[str, list[Intent]]]:
    ordered = sorted(intents, key=lambda intent: str(getattr(intent, key)))
    return [
        (value, list(group))
        for value, group in groupby(ordered, lambda intent: str(getattr(intent, key)))
    ]


def _mark_undone(state_dir: Path, healed: list[Intent]) -> None:
    try:
        intents = Intents(state_dir)
    except ChaosError:
        return  # a read-only folder: the next `heal` finds that nothing is left to revert
    intents.mark(healed, "undone")
    intents.close()
