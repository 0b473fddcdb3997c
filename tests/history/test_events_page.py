"""The examples in docs/events.md are events as the page says."""

from pathlib import Path

import pytest

from harness.history import Gauge, LogEvent, Mode, Notice, Plan, Stage, parse_line

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
EXAMPLES = [
    line.strip() for line in PAGE.read_text().splitlines() if line.startswith('    {"event"')
]
TYPES = {"mode": Mode, "gauge": Gauge, "plan": Plan, "stage": Stage, "notice": Notice}


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_an_event_of_its_kind(line: str) -> None:
    event = parse_line("shop", line, 1.0)
    name = line.split('"')[3]
    assert type(event) is TYPES.get(name, LogEvent)


def test_every_kind_of_event_has_an_example() -> None:
    found = {type(parse_line("shop", line, 1.0)) for line in EXAMPLES}
    assert found == {*TYPES.values(), LogEvent}
