"""What a model's replies say: an answer, and whether one is right. Pure.

A reply without either is no answer and no verdict: the caller asks again, and makes
nothing up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memories.pipeline.reply import parse_json, storable
from memplatform.lib.errors import ProviderReplyInvalid

VERDICTS = {"correct": True, "right": True, "wrong": False, "incorrect": False}
_AROUND = {"the", "answer", "is", "label", "verdict", "grade", "graded", "as", "it"}
"""What may stand around a verdict without changing it; "not" or "partly" may not."""
_WORD = re.compile(r"\w+")


def read_answer(text: str) -> str:
    """Raises ProviderReplyInvalid where there is none."""
    answer = _field(text, "answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return str(answer)
    if not isinstance(answer, str):
        raise ProviderReplyInvalid('The reply holds no text "answer".')
    return storable(answer)


def read_verdict(text: str) -> bool:
    """Whether the answer is held for right: ``CORRECT`` however it is written.

    Raises ProviderReplyInvalid where the label says neither, or more than one of both.
    """
    label = _field(text, "label")
    words = _WORD.findall(label.casefold()) if isinstance(label, str) else []
    verdicts = {VERDICTS.get(word) for word in words if word not in _AROUND}
    match list(verdicts):
        case [bool(verdict)]:
            return verdict
    raise ProviderReplyInvalid('The reply\'s "label" is neither CORRECT nor WRONG.')


def _field(text: str, name: str) -> Any:
    found = parse_json(text)
    return found.get(name) if isinstance(found, Mapping) else None
