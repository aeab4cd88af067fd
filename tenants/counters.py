"""Counters that all processes share: atomic scripts in Valkey, one round trip each.

They are kept for speed and never the only truth: whoever asks says what holds without
Valkey. After a failure it is left alone for a while, so that no request waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from django.conf import settings

from memplatform.lib.valkey import Cautious

TIMEOUT_S = 0.25


class SharedCounters:
    """Runs scripts; gives up at once, and for a while, when Valkey is away."""

    def __init__(self) -> None:
        self._valkey = Cautious("Rate limits are off")

    def run(
        self, script: str, keys: Sequence[str], args: Sequence[int]
    ) -> list[int] | None:
        """The script's answer, a list of whole numbers; None when Valkey is away."""
        return self._valkey.ask(
            lambda: [
                int(number)
                for number in _script(settings.BROKER_URL, script)(keys=keys, args=args)
            ]
        )


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
