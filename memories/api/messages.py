"""The messages of an add: a list of turns, or what a careless caller sent instead."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from memories.api import reading
from memories.api.reading import Problem
from memories.types import ChatMessage

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
ATTACHMENTS = ("image_url", "mdx_url", "txt_url", "pdf_url")
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
    return tuple(_message(n, item, infer, limit) for n, item in enumerate(value))


def _message(number: int, value: Any, infer: bool, limit: int) -> ChatMessage:  # noqa: FBT001
    if not isinstance(value, dict):
        raise Problem("must be an object with role and content.", str(number))
    field = "role"
    try:
        role = _role(value.get("role"))
        field = "content"
        content = _content(value.get("content"), infer, limit)
        field = "name"
        name = _name(value.get("name"))
        field = "timestamp"
        sent_at = _sent_at(value.get("timestamp"))
    except Problem as problem:
        raise Problem(problem.sentence, f"{number}.{field}") from problem
    return ChatMessage(role=role, content=content, name=name, sent_at=sent_at)


def _role(value: Any) -> str:
    if value is None:
        raise Problem("is required.")
    role = ROLES.get(value) if isinstance(value, str) else None
    if role is None:
        raise Problem(f"must be one of {', '.join(ROLES)}.")
    return role


def _content(value: Any, infer: bool, limit: int) -> str:  # noqa: FBT001
    if value is None:
        raise Problem("is required.")
    if not isinstance(value, str):
        if not infer:
            raise Problem("must be text when infer is false.")
        value = _described(value)
    if not value.strip():
        raise Problem("must not be blank.")
    if len(value) > limit:
        raise Problem(f"may have {limit} characters at most.")
    return reading.text(value)


def _described(value: Any) -> str:
    """Content in parts as one text; what is not text is only mentioned."""
    parts = value if isinstance(value, list) else [value]
    return "\n".join(_part(part) for part in parts)


def _part(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind not in ATTACHMENTS or not isinstance(part.get(kind), dict):
        raise Problem(f"must be text, or an object of type {', '.join(ATTACHMENTS)}.")
    url = part[kind].get("url")
    is_link = isinstance(url, str) and url.startswith(("http://", "https://"))
    return f"[{kind}: {url}]" if is_link else f"[{kind}]"


def _name(value: Any) -> str | None:
    if value is None:
        return None
    return reading.text_up_to(MAX_NAME_CHARS)(value) or None


def _sent_at(value: Any) -> Any:
    return None if value is None else reading.time(value)
