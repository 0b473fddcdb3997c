"""Rewriting addresses, ports and paths of the Compose network to those on loopback."""

from pathlib import Path

import pytest

from harness.stack.local._rewrite import Rewriter

REWRITER = Rewriter(
    service="shop",
    addresses={"toxiproxy:2100": "127.0.0.1:15000", "toxiproxy:21001": "127.0.0.1:15001"},
    paths={"/data": Path("/state/volumes/d"), "/data/deep": Path("/state/volumes/deep")},
    inside_port=8000,
    port=12345,
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("A", "toxiproxy:21001", "127.0.0.1:15001"),
        ("A", "toxiproxy:2100", "127.0.0.1:15000"),
        ("A", "http://toxiproxy:21001/x,http://toxiproxy:2100", "http://127.0.0.1:15001/x,http://127.0.0.1:15000"),
        ("A", "postgresql://u:p@toxiproxy:21001/d", "postgresql://u:p@127.0.0.1:15001/d"),
        ("A", "my-toxiproxy:21001", "my-toxiproxy:21001"),
        ("A", "toxiproxy:210011", "toxiproxy:210011"),
        ("A", "0.0.0.0:8000", "127.0.0.1:12345"),
        ("A", "http://localhost:8000/x", "http://127.0.0.1:12345/x"),
        ("A", "shop:8000", "127.0.0.1:12345"),
        ("A", ":8000", "127.0.0.1:12345"),
        ("A", "[::]:8000", "127.0.0.1:12345"),
        ("A", "8000", "8000"),
        ("HTTP_PORT", "8000", "12345"),
        ("HTTP_PORT", "80001", "80001"),
        ("A", "/data", "/state/volumes/d"),
        ("A", "/data/x.db", "/state/volumes/d/x.db"),
        ("A", "/data/deep/x", "/state/volumes/deep/x"),
        ("A", "/database", "/database"),
        ("A", "/data.db", "/data.db"),
        ("A", "/other/data", "/other/data"),
        ("A", "sqlite:////data/x.db", "sqlite:////state/volumes/d/x.db"),
        ("A", "/usr/bin:/data/bin", "/usr/bin:/state/volumes/d/bin"),
        ("A", "http://example.org/data", "http://example.org/data"),
        ("A", "http://data/data", "http://data/data"),
        ("A", "plain text", "plain text"),
    ],
)  # fmt: skip
def test_variable(name: str, value: str, expected: str) -> None:
    assert REWRITER.variable(name, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8000", "12345"),
        ("--port=8000", "--port=12345"),
        ("--bind=0.0.0.0:8000", "--bind=127.0.0.1:12345"),
        ("--file=/data/x", "--file=/state/volumes/d/x"),
        ("18000", "18000"),
    ],
)
def test_argument(value: str, expected: str) -> None:
    assert REWRITER.argument(value) == expected


def test_service_without_a_port_has_no_port_rewritten() -> None:
    rewriter = Rewriter("worker", {}, {}, None, None)

    assert rewriter.variable("PORT", "8000") == "8000"
    assert rewriter.variable("A", "localhost:8000") == "localhost:8000"
    assert rewriter.argument("8000") == "8000"
