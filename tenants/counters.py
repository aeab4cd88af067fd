"""Counters that all processes share: atomic scripts in Valkey, one round trip each.

They are kept for speed and never the only truth: whoever asks says what holds without
Valkey. After a failure it is left alone for a while, so that no request waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from django.conf import settings

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
PAUSE_S = 5.0
"""How long Valkey is left alone after it failed."""


class SharedCounters:
    """Runs scripts; gives up at once, and for a while, when Valkey is away."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._lock = threading.Lock()

    def run(
        self, script: str, keys: Sequence[str], args: Sequence[int]
    ) -> list[int] | None:
        """The script's answer, a list of whole numbers; None when Valkey is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = _script(settings.BROKER_URL, script)(keys=keys, args=args)
        except (redis.RedisError, ValueError) as exc:
            self._rest(exc)
            return None
        self._away_until = 0.0
        return [int(number) for number in answer]

    def _rest(self, exc: Exception) -> None:
        with self._lock:
            is_news = not self._away_until  # once an outage, not once a request
            self._away_until = time.monotonic() + PAUSE_S
        if is_news:
            log.warning("Rate limits are off: Valkey is away (%s)", exc)


@cache
def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )


@cache
def _script(url: str, script: str) -> Any:
    """Sent by its digest; a Valkey that does not know it yet is told it once."""
    return client(url).register_script(script)


shared = SharedCounters()
