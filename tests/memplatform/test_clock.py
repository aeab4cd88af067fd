from __future__ import annotations

from datetime import UTC, datetime, timedelta

from memplatform.lib import clock

MARCH = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_a_clock_runs_on_from_an_instant_and_is_itself_again():
    with clock.running_from(MARCH):
        first, second = clock.now(), clock.now()
    assert MARCH <= first <= second < MARCH + timedelta(minutes=1)
    assert clock.now() > MARCH + timedelta(days=1)


def test_a_frozen_clock_stands_still_inside_one_that_runs():
    with clock.running_from(MARCH), clock.frozen(MARCH - timedelta(days=1)):
        assert clock.now() == MARCH - timedelta(days=1)
