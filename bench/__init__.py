"""Measures a whole installation over HTTP and writes what it found.

``python -m bench --help``. Nothing here is imported by the platform.
"""

from __future__ import annotations
