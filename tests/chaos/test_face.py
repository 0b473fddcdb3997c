"""What the chaos room shows: every name is there, and is what it is within."""

import pytest

from harness import chaos


def test_every_name_leads_somewhere() -> None:
    assert set(chaos.__all__) == set(chaos._HOMES)
    for name in chaos.__all__:
        assert getattr(chaos, name) is not None


def test_other_names_lead_nowhere() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Chaoss'"):
        chaos.Chaoss  # type: ignore[attr-defined]  # noqa: B018


def test_kinds_are_complete_whoever_asks_first() -> None:
    assert {"cut", "kill"} <= set(chaos.FAULT_TYPES)
