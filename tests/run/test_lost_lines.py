"""A run in which log lines of a service were lost proves nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.checks import Verdict
from harness.clock import WALL_CLOCK
from harness.errors import ExitCode
from harness.run._outcome import exit_code
from harness.run._runner import _Run
from harness.stack._log_files import LogFiles


@pytest.mark.parametrize(("lost", "code"), [(["gate"], ExitCode.INCONCLUSIVE), ([], ExitCode.PASS)])
def test_lost_lines_make_a_run_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str], code: ExitCode
) -> None:
    def close() -> None:
        for service in lost:
            LogFiles(tmp_path / "logs").mark_lost(service)

    (tmp_path / "logs").mkdir()
    folder: Any = SimpleNamespace(path=tmp_path, parts=tmp_path)
    stack: Any = SimpleNamespace(close=close)
    prepared: Any = SimpleNamespace(scenario=None)
    load: Any = None
    run = _Run(prepared, folder, stack, load, WALL_CLOCK)
    monkeypatch.setattr(run, "_run", lambda: None)
    monkeypatch.setattr(run, "_begin_history", lambda *_: None)

    run.run()

    passed = Verdict(check="c", name="c", result="pass", reason="r")
    errors = run.log.errors()
    assert [text.partition(":")[0] for text in errors.inconclusive] == lost
    assert exit_code((passed,), errors) == code
    assert errors.broken == ()
