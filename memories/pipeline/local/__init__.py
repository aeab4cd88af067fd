"""The engine that needs no model: rules of English, dates, and an embedder.

The story, one module a step: ``sentences`` cuts and screens what was said, ``dates``
fixes when, ``facts`` puts it into the third person, ``claims`` reads which attribute of
whom it states, ``judge`` compares it with what is known, ``engine`` decides.
Must not know Django, prompts or model calls.
"""

from __future__ import annotations
