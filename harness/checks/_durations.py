"""Durations of a run, in wall-clock seconds and in scenario seconds.

A run at `pace` P takes one wall-clock second for P scenario seconds. Parameters of checks and the
texts of verdicts are in scenario time; the times of events are wall-clock seconds since the run
began. A history that does not state its pace is read as if its pace were 1.
"""

from harness.errors import HarnessError
from harness.history import History

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def wall_seconds(history: History, scenario_seconds: float) -> float:
    """Return the wall-clock seconds that `scenario_seconds` take in this run."""
    try:
        return history.to_wall(scenario_seconds)
    except (HarnessError, ZeroDivisionError):
        return scenario_seconds


def scenario_seconds(history: History, wall_seconds: float) -> float:
    """Return the scenario seconds that pass in `wall_seconds` of this run."""
    try:
        return history.to_scenario(wall_seconds)
    except HarnessError:
        return wall_seconds


def duration_text(seconds: float) -> str:
    """Return `seconds` with the two largest units, such as `6 h 20 min`."""
    if abs(seconds) < 10:
        return f"{seconds:.3g} s"
    sign, rest = "-" if seconds < 0 else "", round(abs(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return sign + " ".join(parts)


def elapsed_text(history: History, wall_seconds: float) -> str:
    """Return `wall_seconds` of the run as a duration in scenario time, such as `6 h 20 min`."""
    return duration_text(scenario_seconds(history, wall_seconds))


def measured_duration(history: History, name: str, wall_seconds: float) -> dict[str, float]:
    """Return a duration as two figures for `Verdict.measured`.

    Returns:
        `NAME_life_s`, in scenario seconds, and `NAME_real_s`, in wall-clock seconds.
    """
    return {
        f"{name}_life_s": round(scenario_seconds(history, wall_seconds), 3),
        f"{name}_real_s": round(wall_seconds, 3),
    }
