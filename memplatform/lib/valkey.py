"""Ask Valkey without ever waiting for it: who asks says what holds when it is away.

After a failure it is left alone for a while, so that no request pays for an outage but
the first.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import redis

log = logging.getLogger(__name__)

PAUSE_S = 5.0
"""How long Valkey is left alone after it failed."""


class Cautious:
    """Gives up at once, and for a while, when Valkey is away. ``without`` tells the log
    what that means.
    """

    def __init__(self, without: str) -> None:
        self._without = without
        self._away_until = 0.0
        self._lock = threading.Lock()

    def ask[T](self, question: Callable[[], T]) -> T | None:
        """What the question answers; None when Valkey is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = question()
        except (redis.RedisError, ValueError) as exc:
            self._rest(exc)
            return None
        self._away_until = 0.0
        return answer

    def _rest(self, exc: Exception) -> None:
        with self._lock:
            is_news = not self._away_until  # once an outage, not once a request
            self._away_until = time.monotonic() + PAUSE_S
        if is_news:
            log.warning("%s: Valkey is away (%s)", self._without, exc)
