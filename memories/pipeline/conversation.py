"""Reads a pasted conversation: turns that begin with who speaks. Pure."""

from __future__ import annotations

import re

from memories.types import ChatMessage

_ROLES = {
    "user": "user",
    "human": "user",
    "customer": "user",
    "assistant": "assistant",
    "agent": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "system": "system",
    "tool": "tool",
}
_TURN = re.compile(
    rf"^\s*[*_]*({'|'.join(_ROLES)})[*_]*\s*:[*_]*\s*", re.IGNORECASE | re.MULTILINE
)


def read_conversation(text: str) -> tuple[ChatMessage, ...]:
    """One message for each turn; text without any, or before the first, is a user's."""
    turns = [
        (match[1].lower(), match.start(), match.end()) for match in _TURN.finditer(text)
    ]
    first = turns[0][1] if turns else len(text)
    said = [("user", text[:first])]
    for place, (speaker, _, begin) in enumerate(turns):
        end = turns[place + 1][1] if place + 1 < len(turns) else len(text)
        said.append((_ROLES[speaker], text[begin:end]))
    return tuple(
        ChatMessage(role, content.strip()) for role, content in said if content.strip()
    )
