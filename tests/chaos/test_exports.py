"""The names that `harness.chaos` exports."""

import pytest

from harness import chaos


def test_every_exported_name_can_be_imported() -> None:
    assert set(chaos.__all__) == set(chaos._MODULES)
    for name in chaos.__all__:
        assert getattr(chaos, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Chaoss'"):
        chaos.Chaoss  # type: ignore[attr-defined]  # noqa: B018


def test_fault_types_are_registered_before_first_use() -> None:
    assert {"cut", "kill"} <= set(chaos.FAULT_TYPES)
