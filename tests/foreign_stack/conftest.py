"""Leaves the scenarios of this directory to whoever names its stack.

They are run by `test_foreign_stack.py` as a user would run them, and as pytest items by
`pytest tests/foreign_stack/experiments --harness-stack tests/foreign_stack`.
"""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Scenario files only with a stack."""
    is_scenario = collection_path.name.endswith(".scenario.yaml")
    return True if is_scenario and not config.getoption("--harness-stack") else None
