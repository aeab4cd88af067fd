"""What was found lately comes before what was not: forgetting by disuse. Pure.

Strength falls by half in a month, and more slowly the more often a memory was found,
after the forgetting curve (Ebbinghaus; spaced repetition). The bounds are the wire's
(0.3 to 1.5); the month is a choice, not a measurement. Nothing is filtered.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from memories.types import Uses

LEAST, MOST = 0.3, 1.5
HALF_LIFE = timedelta(days=30)


def decay_factor(created_at: datetime, uses: Uses | None, now: datetime) -> float:
    """From LEAST, long unused, to MOST, made or found just now."""
    used_at = (uses.last_at if uses else None) or created_at
    age = max(timedelta(0), now - max(used_at, created_at))
    half_life = HALF_LIFE * (1 + math.log2(1 + (uses.count if uses else 0)))
    return LEAST + (MOST - LEAST) * math.exp2(-(age / half_life))
