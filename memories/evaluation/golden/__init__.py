"""A project's own questions about its own memories, asked on a schedule.

Nothing is written to memories: a run searches, as the search lab does (ADR 0511).
"""

from __future__ import annotations
