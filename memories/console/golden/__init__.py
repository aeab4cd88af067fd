"""Golden sets: a project's own questions, their runs, and what was accepted."""

from __future__ import annotations
