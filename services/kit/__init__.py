"""What every service is made from: clock, log, world, and the parts that callers share."""

from ._clock import Clock, PacedClock
from ._log import Log, json_log
from ._world import World, deploy, process_world

__all__ = ["Clock", "Log", "PacedClock", "World", "deploy", "json_log", "process_world"]
