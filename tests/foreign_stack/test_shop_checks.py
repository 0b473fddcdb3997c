"""The check that comes with the shop, on literal histories."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from harness.checks import CHECKS, Check
from harness.history import AnyEvent, History, Invoke, Ok, Read, Started


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """The check, imported as `harness run --stack` does."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    importlib.import_module("shop_checks")
    yield CHECKS.pop("oldest_first")()
    del sys.modules["shop_checks"]


def history(orders: Sequence[str] | None, charges: Sequence[str] | None) -> History:
    """Orders a, b and c were queued; what the shop and its provider hold at the end.

    The shop had tried to charge those in capitals.
    """
    events: list[AnyEvent] = [
        Started(t=0.0, scenario="x", seed=0, pace=1.0, epoch=0.0, origin="2024-06-20")
    ]
    for t, name in enumerate("abc"):
        common = {"id": name, "op": "order", "service": "shop"}
        events.append(
            Invoke(t=t, actor=name, journey="buy", due=t, input={"id": name}, **common)  # type: ignore[arg-type]
        )
        events.append(
            Ok(t=t, latency=0.0, status=202, value={"status": "queued"}, **common)  # type: ignore[arg-type]
        )
    for service, read, rows in (("shop", "orders", orders), ("pay", "charges", charges)):
        if rows is not None:
            items = tuple({"id": name.lower(), "tried": name.isupper()} for name in rows)
            events.append(Read(t=9.0, service=service, name=read, items=items, complete=True))
    return History([msgspec.structs.replace(e, index=i) for i, e in enumerate(events)])


@pytest.mark.parametrize(
    ("orders", "charges", "result"),
    [
        ("abc", "abc", "pass"),
        ("abc", "xaybcz", "pass"),  # what was never queued does not count
        ("aBc", "bac", "pass"),  # b may have been charged before it was queued
        ("aBc", "bca", "fail"),
        ("ABC", "bca", "inconclusive"),
        ("abc", "acb", "fail"),
        ("abc", "ab", "fail"),
        ("ab", "abc", "fail"),
        ("", "a", "fail"),
        (None, None, "inconclusive"),
        ("abc", None, "inconclusive"),
    ],
)
def test_what_was_queued_is_charged_in_its_order(
    check: Check, orders: str | None, charges: str | None, result: str
) -> None:
    assert check.judge(history(orders, charges)).result == result
