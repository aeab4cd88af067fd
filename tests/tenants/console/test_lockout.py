"""The count behind every guess; what it does to pages stands in their own tests."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from tenants.console import lockout
from tenants.models import SignInFailures

EMAIL, ADDRESS = "alice@acme.example", "203.0.113.9"


def tries(attempt, times):
    return [attempt.begin() for _ in range(times)]


def test_some_tries_are_let_through_and_then_none(db, frozen):
    attempt = lockout.password(EMAIL, ADDRESS)
    assert tries(attempt, 7) == [True] * 5 + [False] * 2


def test_trying_on_does_not_prolong_the_wait(db, frozen):
    attempt = lockout.password(EMAIL, ADDRESS)
    tries(attempt, 5)
    frozen.advance(minutes=14)
    assert not attempt.begin()
    frozen.advance(minutes=1)
    assert attempt.begin()


def test_a_hundred_at_once_are_a_hundred(committed_db):
    """Looking first and counting afterwards would let all of them through."""
    passed, start = [], threading.Barrier(12)

    def guess():
        attempt = lockout.password(EMAIL, ADDRESS)
        start.wait()
        passed.append(attempt.begin())
        connection.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(passed) == [False] * 7 + [True] * 5


def test_a_success_ends_the_count(db):
    attempt = lockout.password(EMAIL, ADDRESS)
    tries(attempt, 5)
    attempt.succeed()
    assert attempt.begin()


def test_a_success_of_one_is_not_a_success_of_the_address(db, monkeypatch):
    """Else whoever has an account could try everybody else's between sign-ins."""
    monkeypatch.setattr(lockout, "MAX_FAILURES_OF_ADDRESS", 3)
    for number in range(3):
        lockout.password(f"{number}@x.org", ADDRESS).begin()
        own = lockout.password("mine@x.org", ADDRESS)
        if own.begin():
            own.succeed()
    assert not lockout.password(EMAIL, ADDRESS).begin()


@pytest.mark.parametrize(
    "other",
    [
        lambda alice: lockout.password(alice.email, "192.0.2.1"),
        lambda alice: lockout.password("bob@acme.example", ADDRESS),
        lambda alice: lockout.code(alice),
        lambda alice: lockout.reset_link(alice.email, ADDRESS),
    ],
)
def test_each_count_is_its_own(alice, other):
    tries(lockout.password(alice.email, ADDRESS), 5)
    assert other(alice).begin()


def test_what_is_counted_tells_nobody_of_whom(alice):
    for attempt in (
        lockout.password(alice.email, ADDRESS),
        lockout.code(alice),
        lockout.use_of_code(alice, "123456"),
        lockout.reset_link(alice.email, ADDRESS),
    ):
        attempt.begin()
    keys = " ".join(SignInFailures.objects.values_list("key", flat=True))
    assert not any(word in keys for word in (alice.email, ADDRESS, "123456"))
    assert set(keys) <= set("0123456789abcdef ")
