"""When a delivery that failed is tried again, and how long its webhook rests."""

from __future__ import annotations

import random

GROWTH = 3.0
LONGEST_PAUSE_S = 4 * 3600.0
LONGEST_REST_S = 300.0
"""Of a whole webhook: one that works again is noticed within five minutes."""
JITTER = 0.25
"""Of a pause, up or down, so that what failed together does not come back together."""


def pause_s(attempts: int, base_s: float, asked_s: float | None = None) -> float:
    """After so many failed attempts; a receiver that names a pause is obeyed.

    With a base of 5 s: 5 s, 15 s, 45 s, 2, 7, 20, 60 min, 3 h, then every 4 h.
    """
    pause = min(base_s * _growth(attempts), LONGEST_PAUSE_S)
    spread = pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return min(max(spread, asked_s or 0.0), LONGEST_PAUSE_S)


def rest_s(failures: int, base_s: float) -> float:
    """After so many failures in a row of one webhook, of whichever deliveries."""
    return min(base_s * _growth(failures), LONGEST_REST_S)


def _growth(times: int) -> float:
    """Ten times threefold is longer than any pause."""
    return float(GROWTH ** min(times - 1, 10))
