"""Row ids: UUIDs of version 7 that sort by when they were made."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from memplatform.lib.ids import new_id


def test_it_is_a_uuid_of_version_7_made_now():
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    at = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


def test_ids_made_one_after_the_other_sort_so():
    """At least 0.25 µs apart, as any two rows are."""
    made = []
    for _ in range(2_000):
        made.append(new_id())
        began = time.time_ns()
        while time.time_ns() - began < 500:
            pass
    assert made == sorted(made)


def test_no_two_are_equal():
    assert len({new_id() for _ in range(10_000)}) == 10_000
