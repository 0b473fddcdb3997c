"""Takes back whatever an intent file says may still be in force, after anything.

Idempotent, and it touches only what the intents name: toxics by their own names, proxies that
are still the ones that were disabled, processes with the pid *and* start time that were paused,
containers by their ids.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from harness.errors import HarnessError, UnhealedError
from harness.stack import GoneError, get_backend, owners

from ._errors import ChaosError
from ._intents import Intent, Intents, outstanding
from ._lease import declare_lapsed, read_lease
from ._toxiproxy import ProxyState, Toxiproxy

_TIMEOUT = 5.0
"""Real seconds that a Toxiproxy may take for one answer."""


def heal(state_dir: Path) -> list[str]:
    """Take back every fault that a run left in `state_dir`; one line for each thing done.

    Raises:
        UnhealedError: something could not be taken back; one line each, with what to do by hand.
    """
    left = outstanding(state_dir)
    if not left:
        return []
    done = list(_warn_holder(state_dir))
    problems: list[str] = []
    healed: list[Intent] = []
    for where, intents in _by(left, "where"):
        proxies = _heal_proxies(where, intents, state_dir)
        for attempt in (proxies, _heal_services(where, intents)):
            for settled, text, well in attempt:
                (done if well else problems).append(text)
                healed += settled if well else []
    _note(state_dir, healed)
    if problems:
        raise UnhealedError("\n".join([*problems, *(f"(healed: {line})" for line in done)]))
    return done


def _warn_holder(state_dir: Path) -> Iterator[str]:
    """A run that is still under way must learn that its faults were taken from it."""
    sign = read_lease(state_dir)
    if sign is not None and sign.holder.alive and sign.holder.pid != os.getpid():
        declare_lapsed(state_dir)
        yield f"process {sign.holder.pid} still holds these faults, and is told that they are gone"


_Step = tuple[list[Intent], str, bool]
"""Which intents were dealt with, what to tell, and whether they are taken back."""


def _heal_proxies(address: str, intents: list[Intent], state_dir: Path) -> Iterator[_Step]:
    ours = [intent for intent in intents if intent.change in ("toxic", "disable", "renew")]
    if not ours:
        return
    ended = f"toxiproxy {address} has ended, and its toxics with it"
    server = Toxiproxy(address, timeout=_TIMEOUT)
    try:
        states = server.proxies()
        for name, group in _by(ours, "name"):
            yield _heal_proxy(server, states.get(name), name, group)
    except GoneError:
        yield ours, ended, True
    except HarnessError as error:
        if _is_gone(address, state_dir):
            yield ours, ended, True
            return
        names = ", ".join(dict.fromkeys(intent.name for intent in ours))
        yield [], f"{error}; faults may be left on {names}", False
    finally:
        server.close()


def _is_gone(address: str, state_dir: Path) -> bool:
    """Return True if the server was a container that does not run any more.

    A process leaves a port that refuses. A container leaves an address where nobody answers, as
    if the network were at fault; so its backend is asked.
    """
    host = address.rpartition(":")[0]
    try:
        return not all(backend.hosts(state_dir, host) for backend in owners(state_dir))
    except HarnessError:
        return False  # it cannot be found out; the first error is reported


def _heal_proxy(
    server: Toxiproxy, state: ProxyState | None, name: str, intents: list[Intent]
) -> _Step:
    changes = {intent.change for intent in intents}
    renewed = [intent for intent in intents if intent.change == "renew"]
    try:
        if state is None and renewed:
            server.create(name, renewed[-1].upstream, renewed[-1].listen)
            return intents, f"{name}: made its proxy again", True
        # Not by where it leads: a backend redirects the links of a service that is down.
        if state is None or state.listen != intents[0].listen:
            return intents, f"{name}: its proxy is gone, and the fault with it", True
        there = set(server.toxics(name))
        toxics = [intent.toxic for intent in intents if intent.toxic in there]
        disabled = bool(changes & {"disable", "renew"})
        did = []
        if toxics:
            server.renew(name, toxics, enable=disabled)
            did.append(f"removed {', '.join(toxics)}")
        if disabled and not state.enabled:
            server.enable(name)
            did.append("enabled it again")
    except HarnessError as error:
        return [], f"{error}; by hand: restart the Toxiproxy at {server.address}", False
    return intents, f"{name}: {' and '.join(did) or 'nothing was left of its fault'}", True


def _heal_services(backend: str, intents: list[Intent]) -> Iterator[_Step]:
    for intent in intents:
        if intent.change == "down":
            yield [intent], f"{intent.name}: was left down; `harness up` starts it", True
        elif intent.record:
            yield _heal_container(backend, intent)
        elif intent.change == "pause" and "containers" in get_backend(backend).capabilities:
            # Without a record nothing says which container it was.
            yield [], f"{intent.name}: is paused on {backend}; `docker compose unpause` it", False
        elif intent.change == "pause":
            woken = [one.pid for one in intent.processes if one.resume()]
            what = f"resumed ({len(woken)} processes)" if woken else "its processes are gone"
            yield [intent], f"{intent.name}: {what}", True


def _heal_container(backend: str, intent: Intent) -> _Step:
    try:
        done = get_backend(backend).restore(intent.change, intent.record)
    except HarnessError as error:
        return [], f"{error}; by hand: `harness heal` once the engine answers", False
    return [intent], f"{intent.name}: {done}", True


def _by(intents: Iterable[Intent], key: str) -> list[tuple[str, list[Intent]]]:
    ordered = sorted(intents, key=lambda intent: str(getattr(intent, key)))
    return [
        (value, list(group))
        for value, group in groupby(ordered, lambda intent: str(getattr(intent, key)))
    ]


def _note(state_dir: Path, healed: list[Intent]) -> None:
    try:
        intents = Intents(state_dir)
    except ChaosError:
        return  # a read-only folder: the next healing finds nothing left to do
    intents.note(healed, "undone")
    intents.close()
