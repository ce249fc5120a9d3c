"""Shared by all recording tests."""

import pytest
from recbox import RecBox


@pytest.fixture
def box(tmp_path):
    with RecBox(tmp_path / "data") as box:
        yield box


def pytest_terminal_summary(terminalreporter):
    count = {what: len(terminalreporter.stats.get(what, [])) for what in ("passed", "failed", "skipped", "error")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")
