"""Slows down guessing: after a few failures, whoever tries must wait.

Passwords and reset links are counted per e-mail *and* address, so that nobody can lock
out somebody else, and per address alone, so that one address cannot try a password on
everybody. Codes of a second factor are counted per operator, wherever they come from:
who gets as far knows the password, and six digits are soon tried from many addresses.

A try is counted before it is made and taken back by a success, so that a hundred at
once are a hundred.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F

from memplatform.lib import clock
from tenants.models import Operator, SignInFailures

MAX_FAILURES = 5
MAX_FAILURES_OF_ADDRESS = 50
LOCKED_FOR = timedelta(minutes=15)
# Tries beyond the limit do not prolong the wait.
_COUNT = f"""
INSERT INTO {SignInFailures._meta.db_table} AS tries (key, count, last_at)
VALUES (%s, 1, %s)
ON CONFLICT (key) DO UPDATE SET
    count = tries.count + 1,
    last_at = CASE WHEN tries.count < %s THEN EXCLUDED.last_at ELSE tries.last_at END
RETURNING count
"""  # noqa: S608 - the name of a table of ours


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try; ``own`` counts whom it is about, ``shared`` the address."""

    own: str
    shared: str | None = None
    most: int | None = None

    def begin(self) -> bool:
        """Count it; False: wait. Says nothing about whether the e-mail exists."""
        now = clock.now()
        SignInFailures.objects.filter(last_at__lte=now - LOCKED_FOR).delete()
        if not _counts(self.own, self.most or MAX_FAILURES, now):
            return False
        return self.shared is None or _counts(self.shared, MAX_FAILURES_OF_ADDRESS, now)

    def succeed(self) -> None:
        """End the count of whom it is about; the address keeps its other failures."""
        SignInFailures.objects.filter(key=self.own).delete()
        if self.shared:
            failures = SignInFailures.objects.filter(key=self.shared, count__gt=0)
            failures.update(count=F("count") - 1)


def password(email: str, address: str) -> Attempt:
    return Attempt(_key("", email.strip().lower(), address), _key("", "", address))


def reset_link(email: str, address: str) -> Attempt:
    """Of a link by mail; per e-mail wherever asked, so that no mailbox is flooded."""
    return Attempt(_key("reset", email.strip().lower()), _key("reset", "", address))


def code(operator: Operator) -> Attempt:
    return Attempt(_key("code", str(operator.pk)))


def use_of_code(operator: Operator, code: str) -> Attempt:
    """A one-time code serves once, whichever process sees it again."""
    return Attempt(_key("used", str(operator.pk), code), most=1)


def _counts(key: str, most: int, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key, now, most])
        return bool(cursor.fetchone()[0] <= most)


def _key(*words: str) -> str:
    return hashlib.sha256("|".join(words).encode()).hexdigest()
