"""When what failed is tried again."""

from __future__ import annotations

from itertools import accumulate

from memories.webhooks.schedule import LONGEST_PAUSE_S, pause_s, rest_s


def test_pauses_grow_and_differ():
    firsts = {pause_s(1, 5.0) for _ in range(50)}
    assert all(3.75 <= pause <= 6.25 for pause in firsts)
    assert len(firsts) > 40
    assert min(pause_s(4, 5.0) for _ in range(50)) > 100


def test_a_day_has_a_dozen_attempts():
    pauses = [pause_s(attempts, 5.0) for attempts in range(1, 40)]
    tried = [at for at in accumulate(pauses) if at < 24 * 3600]
    assert 10 <= len(tried) <= 16


def test_no_pause_is_longer_than_four_hours():
    assert pause_s(1000, 5.0) <= LONGEST_PAUSE_S
    assert pause_s(1, 5.0, asked_s=1e9) == LONGEST_PAUSE_S


def test_a_receiver_that_names_a_pause_is_obeyed():
    assert pause_s(1, 5.0, asked_s=120.0) == 120.0
    assert pause_s(8, 5.0, asked_s=1.0) > 3600


def test_a_webhook_rests_five_minutes_at_most():
    assert [rest_s(n, 5.0) for n in (1, 2, 3)] == [5.0, 15.0, 45.0]
    assert rest_s(100_000, 5.0) == 300.0
