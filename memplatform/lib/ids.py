"""Row ids: UUID version 7 (RFC 9562), so that new rows land together in an index.

Made in Python because ``uuidv7()`` needs PostgreSQL 18 and we support 16 (decision 31).
"""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A fresh time-ordered UUID: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    high = (milliseconds & (1 << 48) - 1) << 80
    version = 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    variant = 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=high | version | variant)
