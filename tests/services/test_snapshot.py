"""The signed watchlist snapshot."""

import hashlib
import hmac
import json

import msgspec
import pytest

from services.snapshot import Snapshot, sign, verify

KEY = "a key"


def test_a_signed_snapshot_is_verified() -> None:
    snapshot = sign(KEY, 3, 1_718_830_800.0, ["X2", "X1"])
    assert verify(KEY, snapshot)
    assert snapshot.entries == ["X1", "X2"]


def test_a_snapshot_is_verified_after_json_encoding() -> None:
    body = msgspec.json.encode(sign(KEY, 3, 1_718_830_800.0, ["X1"]))
    assert verify(KEY, msgspec.json.decode(body, type=Snapshot))
    # Other programs may write the time without a fraction.
    loosely = json.dumps(json.loads(body) | {"issued_at": 1_718_830_800})
    assert verify(KEY, msgspec.json.decode(loosely, type=Snapshot))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 4},
        {"issued_at": 6.0},
        {"entries": []},
        {"entries": ["X1", "X2"]},
        {"signature": ""},
        {"signature": "ü"},
    ],
)
def test_a_changed_snapshot_is_not_verified(change: dict[str, object]) -> None:
    snapshot = sign(KEY, 3, 5.0, ["X1"])
    assert not verify(KEY, msgspec.structs.replace(snapshot, **change))


def test_a_snapshot_signed_with_another_key_is_not_verified() -> None:
    assert not verify(KEY, sign("another key", 3, 5.0, ["X1"]))


def test_the_signature_is_the_documented_hmac() -> None:
    snapshot = sign(KEY, 3, 5.0, ["X1", "X2"])
    signed = b'{"entries":["X1","X2"],"issued_at":5.0,"version":3}'
    assert snapshot.signature == hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()


def test_the_age_is_the_time_since_issue() -> None:
    assert sign(KEY, 3, 5.0, []).age(65.0) == 60.0
