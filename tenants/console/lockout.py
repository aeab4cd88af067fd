"""Slows down guessing: after a few failures, an e-mail and address must wait.

Counted per e-mail *and* address, so that nobody can lock out somebody else, and per
address alone, so that one address cannot try a password on everybody.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models import F, Q

from memplatform.lib import clock
from tenants.models import SignInFailures

MAX_FAILURES = 5
MAX_FAILURES_OF_ADDRESS = 50
LOCKED_FOR = timedelta(minutes=15)


def is_locked_out(email: str, address: str) -> bool:
    """Whether this sign-in must wait; says nothing about whether the e-mail exists."""
    pair, alone = _keys(email, address)
    too_many = Q(key=pair, count__gte=MAX_FAILURES) | Q(
        key=alone, count__gte=MAX_FAILURES_OF_ADDRESS
    )
    recent = Q(last_at__gt=clock.now() - LOCKED_FOR)
    return SignInFailures.objects.filter(too_many & recent).exists()


def note_failure(email: str, address: str) -> None:
    """Count a failed sign-in; counting starts anew after ``LOCKED_FOR`` of quiet."""
    now = clock.now()
    SignInFailures.objects.filter(last_at__lte=now - LOCKED_FOR).delete()
    for key in _keys(email, address):
        _, created = SignInFailures.objects.get_or_create(
            key=key, defaults={"count": 1, "last_at": now}
        )
        if not created:
            SignInFailures.objects.filter(key=key).update(
                count=F("count") + 1, last_at=now
            )


def forget_failures(email: str, address: str) -> None:
    """A success ends the count of this e-mail at this address."""
    pair, _ = _keys(email, address)
    SignInFailures.objects.filter(key=pair).delete()


def _keys(email: str, address: str) -> tuple[str, str]:
    pair = hashlib.sha256(f"{email.strip().lower()}|{address}".encode()).hexdigest()
    alone = hashlib.sha256(f"|{address}".encode()).hexdigest()
    return pair, alone
