"""The messages of an add: a list of turns, or what a careless caller sent instead."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from memories.api import reading
from memories.api.attachments import parse_attached
from memories.api.reading import Problem
from memories.providers.media import KINDS
from memories.types import Attached, ChatMessage

ROLES = {
    "user": "user",
    "assistant": "assistant",
    "agent": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
MAX_NAME_CHARS = 256


def parse_messages(value: Any, infer: bool) -> tuple[ChatMessage, ...]:  # noqa: FBT001
    """A bare text is what the user said; a bare object is one message.

    Without inference texts are stored as they are, so each must be a text.
    """
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise Problem("must be a list of messages.")
    if not value:
        raise Problem("must hold at least one message.")
    if len(value) > settings.MAX_MESSAGES:
        raise Problem(f"may hold {settings.MAX_MESSAGES} messages at most.")
    limit = settings.MAX_MESSAGE_CHARS
    messages = tuple(_message(n, item, infer, limit) for n, item in enumerate(value))
    if sum(len(message.attached) for message in messages) > settings.MAX_ATTACHMENTS:
        most = settings.MAX_ATTACHMENTS
        raise Problem(f"may bring {most} images and documents at most.")
    return messages


def _message(number: int, value: Any, infer: bool, limit: int) -> ChatMessage:  # noqa: FBT001
    if not isinstance(value, dict):
        raise Problem("must be an object with role and content.", str(number))
    field = "role"
    try:
        role = _role(value.get("role"))
        field = "content"
        content, attached = _content(value.get("content"), infer, limit)
        field = "name"
        name = _name(value.get("name"))
        field = "timestamp"
        sent_at = _sent_at(value.get("timestamp"))
    except Problem as problem:
        path = ".".join(filter(None, (str(number), field, problem.path)))
        raise Problem(problem.sentence, path) from problem
    return ChatMessage(role, content, name, sent_at, attached=attached)


def _role(value: Any) -> str:
    if value is None:
        raise Problem("is required.")
    role = ROLES.get(value) if isinstance(value, str) else None
    if role is None:
        raise Problem(f"must be one of {', '.join(ROLES)}.")
    return role


def _content(
    value: Any,
    infer: bool,  # noqa: FBT001
    limit: int,
) -> tuple[str, tuple[Attached, ...]]:
    """The words, with a mention of each attachment in its place, and those."""
    if value is None:
        raise Problem("is required.")
    parts: list[str | Attached] = [value]
    if not isinstance(value, str):
        if not infer:
            raise Problem("must be text when infer is false.")
        parts = _parts(value)
    text = "\n".join(p if isinstance(p, str) else p.mention for p in parts)
    if not text.strip():
        raise Problem("must not be blank.")
    if len(text) > limit:
        raise Problem(f"may have {limit} characters at most.")
    return reading.text(text), tuple(p for p in parts if isinstance(p, Attached))


def _parts(value: Any) -> list[str | Attached]:
    if not isinstance(value, list):
        return [_part(value, None)]
    parts = []
    for index, part in enumerate(value):
        try:
            parts.append(_part(part, index))
        except Problem as problem:
            raise Problem(problem.sentence, str(index)) from problem
    return parts


def _part(part: Any, index: int | None) -> str | Attached:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind not in KINDS:
        raise Problem(f"must be text, or an object of type {', '.join(KINDS)}.")
    return parse_attached(part, index)


def _name(value: Any) -> str | None:
    if value is None:
        return None
    return reading.text_up_to(MAX_NAME_CHARS)(value) or None


def _sent_at(value: Any) -> Any:
    return None if value is None else reading.said_at(value)
