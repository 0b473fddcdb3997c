"""The shop's own check on built histories."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.checks import CHECKS, Check
from harness.history import History
from tests.run_builder import RunBuilder


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """Yield the check, imported as `harness run --stack` imports it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    importlib.import_module("shop_checks")
    yield CHECKS.pop("oldest_first")()
    del sys.modules["shop_checks"]


def history(orders: Sequence[str] | None, charges: Sequence[str] | None) -> History:
    """Return a history in which the orders a, b and c were queued.

    Args:
        orders: final read of the shop, one letter for each order. A capital letter is an order that
            the shop had tried to charge before it queued it. None if the read was never taken.
        charges: final read of the provider, one letter for each charge; None as above.
    """
    run = RunBuilder()
    for t, name in enumerate("abc"):
        run.request(t, "order", value={"status": "queued"}, id=name)
    for service, read, rows in (("shop", "orders", orders), ("pay", "charges", charges)):
        if rows is not None:
            items = ({"id": name.lower(), "tried": name.isupper()} for name in rows)
            run.final_read(service, read, *items)
    return run.history()


@pytest.mark.parametrize(
    ("orders", "charges", "result"),
    [
        ("abc", "abc", "pass"),
        ("abc", "xaybcz", "pass"),  # charges of orders that were not queued do not count
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
def test_queued_orders_must_be_charged_in_their_order(
    check: Check, orders: str | None, charges: str | None, result: str
) -> None:
    assert check.judge(history(orders, charges)).result == result
