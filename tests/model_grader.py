"""The stand-in model as it answers questions, and as it grades answers: by words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.model_rules import BadRequest, content_words

PURPOSES = {"answer": ("answer", None), "judge": ("label", None)}
NOTHING = "No information."
_HEADING = re.compile(r"# ([A-Z]+)(?: (.*))?")
_ITEM = re.compile(r"(?:\d+\. )?(?:\[[\d: -]+\] )?(.*)")


def grade(purpose: str, user: str) -> dict[str, Any]:
    """Raises BadRequest when a section is missing."""
    sections = _sections(user)
    return _answer(sections) if purpose == "answer" else _judge(sections)


def _answer(sections: Mapping[str, str]) -> dict[str, Any]:
    """The line that shares most words with the question."""
    asked = content_words(_text(sections, "QUESTION"))
    lines = [_ITEM.fullmatch(line)[1] for line in _lines(sections, "MEMORIES")]
    best = max(lines, key=lambda line: len(content_words(line) & asked), default="")
    return {"answer": best if content_words(best) & asked else NOTHING}


def _judge(sections: Mapping[str, str]) -> dict[str, Any]:
    """Right when it holds every word of what is expected."""
    expected = content_words(_text(sections, "EXPECTED"))
    missing = expected - content_words(_text(sections, "ANSWER"))
    label = "WRONG" if missing else "CORRECT"
    return {"reason": f"It lacks {len(missing)} words.", "label": label}


def _sections(user: str) -> dict[str, str]:
    found: dict[str, str] = {}
    title = ""
    for line in user.split("\n"):
        if heading := _HEADING.fullmatch(line):
            title = heading[1]
            found[title] = ""
        elif title:
            found[title] += f"{line}\n"
    return found


def _lines(sections: Mapping[str, str], title: str) -> list[str]:
    if title not in sections:
        raise BadRequest(f"the section {title} is missing")
    return [line for line in sections[title].splitlines() if line]


def _text(sections: Mapping[str, str], title: str) -> str:
    (line,) = _lines(sections, title)
    return str(json.loads(line))
