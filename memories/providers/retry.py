"""Try again, with growing random pauses, inside one total deadline.

Knows our errors only: a provider maps foreign exceptions before they reach this.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from memplatform.lib.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0

_TRANSPORT_FAULTS = (ProviderTimeout, ProviderUnavailable, ProviderRateLimited)


class Deadline:
    """The instant by which everything about one call must be over."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._ends_at - time.monotonic())

    def is_over(self) -> bool:
        return self.remaining_s() == 0.0


def call_with_retries[T](
    attempt: Callable[[float], T],
    *,
    deadline: Deadline,
    timeout_s: float,
    max_attempts: int,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[T, int]:
    """The result of ``attempt(seconds it may take)``, and how many attempts it took.

    Only transport faults are tried again: asking a model anew because its answer is
    unusable is the caller's business. Raises the last ProviderError as soon as another
    attempt could not start before the deadline.
    """
    number = 1
    while True:
        try:
            return attempt(min(timeout_s, deadline.remaining_s())), number
        except _TRANSPORT_FAULTS as error:
            pause_s = back_off_s(number, error)
            if number >= max_attempts or pause_s >= deadline.remaining_s():
                raise
        sleep(pause_s)
        number += 1


def back_off_s(failures: int, error: ProviderError) -> float:
    """Seconds to wait after the n-th failure.

    "Equal jitter" (AWS Architecture Blog, 2015): half fixed, half random, so that
    clients that failed together do not return together. A Retry-After is a minimum.
    """
    ceiling_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (failures - 1))
    pause_s = ceiling_s / 2 + random.uniform(0, ceiling_s / 2)  # noqa: S311
    if isinstance(error, ProviderRateLimited) and error.retry_after_s is not None:
        return max(error.retry_after_s, pause_s)
    return pause_s
