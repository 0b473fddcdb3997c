"""What the stack and the load generator are started with, derived from a prepared scenario."""

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.history import Started
from harness.load import LoadConfig, RunLoad
from harness.scenario import Scenario
from harness.stack import Settings, Stack

from ._prepare import Prepared

_LOAD_GRACE = 45.0
"""Wall-clock seconds after the last arrival within which journeys under way may complete."""


def stack_settings(scenario: Scenario, planned: float) -> Settings:
    """Return the settings of the stack for a run whose epoch is planned for `planned`."""
    return Settings(
        pace=scenario.pace,
        epoch=planned,
        origin=_origin(scenario, planned, planned),
        seed=scenario.seed,
        environment={name: o.environment for name, o in scenario.overrides.items()},
        apps={name: o.app for name, o in scenario.overrides.items() if o.app},
    )


def load_config(prepared: Prepared, stack: Stack) -> LoadConfig:
    """Return the configuration of the load generator for `stack`, which is running."""
    scenario = prepared.scenario
    return LoadConfig(
        journeys=scenario.load.journeys,
        directory=str(prepared.spec.directory),
        params=scenario.load.params,
        seed=scenario.seed,
        pace=scenario.pace,
        duration=scenario.load.duration,
        grace=_LOAD_GRACE,
        addresses={
            name: stack.address(name)
            for name, service in prepared.spec.services.items()
            if service.port is not None
        },
    )


def started(scenario: Scenario, backend: str, epoch: float, planned: float) -> Started:
    """Return the first event of a run with the Unix time `epoch`, planned for `planned`."""
    return Started(
        t=0.0,
        scenario=scenario.name,
        seed=scenario.seed,
        pace=scenario.pace,
        epoch=epoch,
        origin=_origin(scenario, epoch, planned).isoformat(timespec="seconds"),
        backend=backend,
    )


def command_line(prepared: Prepared, stack: Stack, load: RunLoad) -> str:
    """Return the command line that repeats the run."""
    parts = ["harness", "run", prepared.source, "--seed", str(prepared.scenario.seed)]
    parts += ["--on", stack.backend]
    if load.workers:
        parts += ["--workers", str(load.workers)]
    if prepared.spec.directory != Path.cwd():
        parts += ["--stack", str(prepared.spec.directory)]
    return shlex.join(parts)


def _origin(scenario: Scenario, epoch: float, planned: float) -> datetime:
    """Return the scenario clock at `epoch`: the origin, later by what the epoch is late."""
    origin = scenario.origin or datetime.fromtimestamp(planned, UTC)
    return origin + timedelta(seconds=(epoch - planned) * scenario.pace)
