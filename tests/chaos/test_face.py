"""What the chaos room shows: every name is there, and is what it is within."""

import pytest

from harness import chaos


def test_every_name_leads_somewhere():
    assert set(chaos.__all__) == set(chaos._HOMES)
    for name in chaos.__all__:
        assert getattr(chaos, name) is not None


def test_other_names_lead_nowhere():
    with pytest.raises(AttributeError, match="has no attribute 'Chaoss'"):
        chaos.Chaoss  # noqa: B018


def test_kinds_are_complete_whoever_asks_first():
    assert {"cut", "kill"} <= set(chaos.KINDS)
