"""Shared by all recording tests."""

import pytest
from recbox import RecBox


@pytest.fixture
def box(tmp_path):
    with RecBox(tmp_path / "data") as box:
        yield box


def tails(losses):
    losses = sorted(losses)
    p99 = losses[int(len(losses) * 0.99)] if len(losses) >= 100 else losses[-1]
    return f"{len(losses)} tails: median {losses[len(losses) // 2]:.2f} s, p99 {p99:.2f} s, worst {losses[-1]:.2f} s"


def counted(terminalreporter, name):
    """What the tests that passed have counted under a name (`record_property`)."""
    reports = terminalreporter.stats.get("passed", [])
    return [value for report in reports for key, value in report.user_properties if key == name]


def pytest_terminal_summary(terminalreporter):
    if kills := counted(terminalreporter, "c1"):
        back = max(worst for one in kills for worst in one["back"])
        losses = [loss for one in kills for loss in one["losses"]]
        terminalreporter.write_line(
            f"C1: {sum(one['kills'] for one in kills)} kills (recordings: {len(kills)}), no recording and no part lost, "
            f"{tails(losses)}; all tracks seen again {back:.1f} s after the box was up at most")
    for cuts in counted(terminalreporter, "p1"):
        terminalreporter.write_line(
            f"P1: {cuts['cuts']} cuts ({cuts['torn']} torn copies were left out), no part and no acknowledged room lost, "
            f"{tails(cuts['losses'])}")
    count = {what: len(terminalreporter.stats.get(what, [])) for what in ("passed", "failed", "skipped", "error")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")
