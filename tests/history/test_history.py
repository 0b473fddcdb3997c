"""Histories on disk: damaged and truncated lines, full disks, merging; and what is derived."""

import errno
import io
import resource
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.history import (
    AnyEvent,
    Event,
    Fault,
    Gauge,
    History,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Ok,
    Phase,
    Stage,
    Started,
    Writer,
    count_damaged,
    damaged,
    decode,
    encode,
    merge,
    parse_line,
    read_lines,
    write_history,
)

STARTED = Started(
    backend="local",
    t=0.0,
    scenario="s",
    seed=1,
    pace=60.0,
    epoch=0.0,
    origin="2024-06-20T04:00:00+07:00",
)


def invoke(t: float, name: str = "a") -> Invoke:
    return Invoke(t=t, id=name, op="o", service="s", actor="p", journey="j", due=t)


def test_an_event_is_read_back_as_it_was_written() -> None:
    event = Ok(t=1.5, id="a", op="o", service="s", latency=0.25, status=200, value={"x": [1]})
    assert decode(encode(event)) == event


def test_a_truncated_last_line_loses_only_that_line(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    path.write_bytes(encode(invoke(1.0)) + b"\n" + encode(invoke(2.0))[:20])
    assert [event.t for event in read_lines(path)] == [1.0]


def test_a_damaged_line_in_the_middle_loses_only_that_line_and_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    path.write_bytes(b'{"kind":"no"}\n' + encode(invoke(2.0)) + b"\n" + encode(invoke(3.0))[:9])
    assert [event.t for event in read_lines(path)] == [2.0]
    assert damaged(path) == 1


@pytest.mark.parametrize(
    "line", [b"\xff", b'{"kind":"phase","t":1,"name":"\xff"}', b"[" * 9999, b"\0\0", b""]
)
def test_no_damaged_line_makes_a_history_unreadable(tmp_path: Path, line: bytes) -> None:
    content = encode(STARTED) + b"\n" + line + b"\n" + encode(invoke(2.0)) + b"\n"
    part = tmp_path / "parts" / "a.jsonl"
    part.parent.mkdir()
    for path in (
        part,
        tmp_path / "history.jsonl",
    ):  # first from its parts, then from the merged file
        path.write_bytes(content)
        history = History.read(tmp_path)
        assert (len(history.events), history.damaged) == (2, 1)
    assert count_damaged([part, part]) == 2


def test_a_merged_history_that_is_truncated_or_has_a_gap_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    events = [STARTED, *(msgspec.structs.replace(invoke(n / 1), index=n) for n in range(1, 5))]
    write_history(path, events)
    lines = path.read_bytes().splitlines(keepends=True)
    for content, damage in (
        (b"".join(lines), 0),
        (b"".join(lines)[:-1], 0),  # only the newline of the last line is missing
        (b"".join(lines)[:-9], 1),
        (b"".join([*lines[:2], *lines[4:]]), 2),
        (b"".join([*lines[:2], b"x\n", *lines[4:]]), 2),
    ):
        path.write_bytes(content)
        assert History.read(tmp_path).damaged == damage


def test_a_complete_history_has_no_damage(tmp_path: Path) -> None:
    write_history(tmp_path / "history.jsonl", [STARTED])
    assert History.read(tmp_path).damaged == 0
    assert History([STARTED]).damaged == 0


def test_a_failed_write_leaves_nothing_of_the_event(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    writer = Writer(path)
    writer._file.close()
    writer._file = file = _NearlyFull(path)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            writer.write(invoke(1.0))
    file.room = 10**6
    writer.write(invoke(2.0))
    writer.close()
    assert path.read_bytes() == encode(invoke(2.0)) + b"\n"


class _NearlyFull(io.FileIO):
    """A file that accepts seven bytes per write until it is full."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "a")
        self.room = 20

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: min(7, self.room)]
        self.room -= len(part)
        return super().write(part)


def test_a_full_disk_leaves_no_partial_line(tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    writer = Writer(path)
    writer.write(invoke(1.0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write(invoke(2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    writer.write(invoke(3.0))
    writer.close()
    assert [event.t for event in read_lines(path)] == [1.0, 3.0]
    assert damaged(path) == 0


def test_parts_are_merged_by_time_and_numbered(tmp_path: Path) -> None:
    for name, times in (("a", (1.0, 3.0)), ("b", (0.0, 2.0))):
        writer = Writer(tmp_path / f"{name}.jsonl")
        for t in times:
            writer.write(Phase(t=t, name=name))
        writer.close()
    merged = merge([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert [(event.index, event.t) for event in merged] == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_run_that_was_cut_short_is_read_from_its_parts(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "parts" / "harness.jsonl")
    writer.write(STARTED)
    writer.close()
    assert History.read(tmp_path).started == STARTED.__class__(
        **{**msgspec.structs.asdict(STARTED), "index": 0}
    )


def test_a_folder_without_a_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="holds no history"):
        History.read(tmp_path)


def test_a_whole_history_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write_history(path, [STARTED])
    write_history(path, [STARTED, invoke(1.0)])
    assert len(list(read_lines(path))) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.jsonl"]


def test_a_request_without_a_completion_is_unknown() -> None:
    done = Ok(t=2.0, id="b", op="o", service="s", latency=0.5)
    requests = History([STARTED, invoke(1.0, "a"), invoke(1.5, "b"), done]).requests
    assert [request.outcome for request in requests] == ["unknown", "ok"]


def test_events_of_a_class_can_be_iterated_repeatedly() -> None:
    history = History([STARTED, Phase(t=1.0, name="x"), invoke(2.0)])
    for _ in range(2):
        assert [event.t for event in history.of(Phase)] == [1.0]
        assert [event.t for event in history.of(Event)] == [0.0, 1.0, 2.0]


def test_modes_cover_the_whole_run() -> None:
    reported = [
        Mode(t=t, index=index, service="s", mode=mode)
        for index, (t, mode) in enumerate([(1.0, "automatic"), (2.0, "manual"), (3.0, "manual")])
    ]
    history = History([STARTED, *reported, Phase(t=5.0, name="x")])
    spans = [(s.value, s.start, s.end, s.index) for s in history.modes("s")]
    assert spans == [("automatic", 0.0, 2.0, -1), ("manual", 2.0, 5.0, 1)]


def test_a_new_process_does_not_inherit_the_mode_of_the_previous_one() -> None:
    started = {t: Node(t=t, index=int(t), service="s", state="started") for t in (1.0, 4.0, 6.0)}
    stranger = Node(t=3.0, index=3, service="other", state="started")
    manual = Mode(t=2.0, index=2, service="s", mode="manual")
    exited = Node(t=3.5, index=3, service="s", state="exited")
    again = Mode(t=5.0, index=5, service="s", mode="mixed")
    events: list[AnyEvent] = [STARTED]
    events += [started[1.0], manual, stranger, exited, started[4.0], again, started[6.0]]
    spans = [(s.value, s.start, s.end, s.index) for s in History(events).modes("s")]
    assert spans == [
        ("automatic", 0.0, 2.0, -1),
        ("manual", 2.0, 4.0, 2),
        ("automatic", 4.0, 5.0, 4),
        ("mixed", 5.0, 6.0, 5),
        ("automatic", 6.0, 6.0, 6),
    ]


def test_a_fault_span_starts_when_the_fault_is_verified() -> None:
    def fault(t: float, state: str) -> Fault:
        return Fault(t=t, id="f", step="cut", fault="cut", targets=("a",), state=state)  # type: ignore[arg-type]

    (span,) = History([fault(1, "asked"), fault(2, "injected"), fault(3, "verified")]).faults
    assert (span.start, span.end) == (3, None)
    (span,) = History([fault(1, "asked"), fault(2, "injected")]).faults
    assert span.start == 2


def test_wall_clock_and_scenario_time_are_converted() -> None:
    history = History([STARTED])
    assert history.to_scenario(1.0) == 60.0
    assert history.to_wall(60.0) == 1.0
    assert history.scenario_clock(60.0).isoformat() == "2024-06-20T05:00:00+07:00"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"event":"mode","mode":"manual","time":"x","service":"liar"}', Mode),
        ('{"event":"stage","stage":"b","state":"done","share":1}', Stage),
        ('{"event":"gauge","waiting":3,"text":"x"}', Gauge),
        ('{"event":"mode"}', LogEvent),
        ('{"event":"journal","pending":3}', LogEvent),
        ('{"level":"info"}', type(None)),
        ("{not json", type(None)),
        ("plain text", type(None)),
        ('["event"]', type(None)),
        ('{"event":"x","\ud800":1}', type(None)),
        pytest.param('{"event":"x","a":' + "[" * 9999 + "]" * 9999 + "}", type(None), id="deep"),
        pytest.param('{"event":"gauge","a":1' + "0" * 999 + "}", LogEvent, id="endless"),
        pytest.param(
            '{"event":"stage","stage":"b","state":"done","share":1' + "0" * 999 + "}",
            LogEvent,
            id="endless share",
        ),
        ("", type(None)),
    ],
)
def test_a_log_line_is_parsed_as_its_event(line: str, kind: type) -> None:
    event = parse_line("s", line, 1.0)
    assert isinstance(event, kind)
    if event is not None:
        assert parse_line("s", line.encode(), 1.0) == event
        assert getattr(event, "service", None) == "s"
