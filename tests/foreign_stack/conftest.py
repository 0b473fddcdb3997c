"""Keeps pytest from collecting the scenarios of this directory without their stack.

`test_foreign_stack.py` runs them as a user would; they become pytest items with
`pytest tests/foreign_stack/experiments --harness-stack tests/foreign_stack`.
"""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore scenario files unless `--harness-stack` is given."""
    is_scenario = collection_path.name.endswith(".scenario.yaml")
    return True if is_scenario and not config.getoption("--harness-stack") else None
