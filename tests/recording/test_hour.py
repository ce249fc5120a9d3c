"""The hour-long meeting, read in three minutes: see hour.py."""

import os

import pytest


@pytest.mark.skipif("ROOMBOX_FULL" not in os.environ, reason="SKIPPED: only in make test-full (ROOMBOX_FULL)")
def test_a_long_meeting_is_whole_in_all_that_it_became(tmp_path):
    import hour

    facts = hour.tell(tmp_path, tmp_path / "out", 3)
    print((tmp_path / "out" / "report.md").read_text())
    assert facts["failures"] == []
