"""What ``manage.py evaluate`` says before it starts anything."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "0"], "--limit: must be a whole number from 1"),
        (["--limit", "-1"], "--limit: must be a whole number from 1"),
        (["--limit", "all"], "--limit: must be a whole number from 1"),
        (["--at-once", "0"], "--at-once: must be a whole number from 1"),
        (["--answers", "-2"], "--answers: must be a whole number from 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(tmp_path, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("evaluate", "custom", "--data", tmp_path / "q.jsonl", *options)
