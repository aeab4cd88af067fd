"""Who says what to whom in a list of messages, and whose statements count.

Three kinds of conversation are told apart: a user with an assistant (only the user is
listened to, or only the assistant when agent memory is asked for), and people among
themselves, recognised by a person's name on the messages of both roles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from memories.language.letters import CAPITAL
from memories.pipeline.local.facts import Voice
from memories.pipeline.local.sharing import split_captions
from memories.types import ChatMessage, EngineOptions

NOT_LISTENED_TO = "role {role} is not listened to for {subject} memory"

_PERSON_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]+(?:[ '-][^\W\d_a-z][^\W\d_]*\.?){0,2}")
_MACHINE = re.compile(r"\b(?:assistant|bot|agent|ai|gpt|system|user|tool)\b|bot$", re.I)
_SPEAKER_PREFIX = re.compile(rf"^\s*({CAPITAL}[\w'-]+(?: {CAPITAL}[\w'-]+)?):\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message with its speaker resolved; ``voice`` is None when not listened to.

    ``captions`` say what its pictures show; they are not in ``text``.
    ``is_among_people``: what the listener is told, a person is told.
    """

    position: int
    text: str
    sent_at: datetime
    voice: Voice | None
    speaker: str | None
    attributed_to: Literal["user", "agent"]
    drop_reason: str = ""
    is_document: bool = False
    captions: tuple[str, ...] = ()
    is_among_people: bool = False


def read_turns(
    messages: Sequence[ChatMessage], options: EngineOptions
) -> tuple[Turn, ...]:
    """The messages in order, each with its voice, attribution and instant."""
    named = [_split_name(message, messages) for message in messages]
    names = [name for name, _ in named]
    is_among_people = _is_among_people(messages, names)
    turns = []
    sent_at = options.reference
    for position, (message, (name, text)) in enumerate(
        zip(messages, named, strict=True)
    ):
        sent_at = message.sent_at or sent_at
        heard = _is_heard(message, options, is_among_people=is_among_people)
        words, captions = split_captions(text)
        turns.append(
            Turn(
                position=position,
                text=words,
                sent_at=sent_at,
                voice=_voice(message, name, names) if heard else None,
                speaker=name,
                attributed_to=_attribution(message, is_among_people=is_among_people),
                drop_reason=NOT_LISTENED_TO.format(
                    role=message.role, subject=options.subject
                ),
                is_document=bool(message.document),
                captions=captions,
                is_among_people=is_among_people,
            )
        )
    return tuple(turns)


def is_person_name(name: str) -> bool:
    """Whether ``name`` can be a human's: capitalised words, not "user_7" or a bot."""
    return bool(_PERSON_NAME.fullmatch(name)) and not _MACHINE.search(name)


def _split_name(
    message: ChatMessage, messages: Sequence[ChatMessage]
) -> tuple[str | None, str]:
    """The speaker's name, from the message or from a "Caroline: " all messages bear."""
    if message.name:
        name = message.name if is_person_name(message.name) else None
        return name, message.content
    match = _SPEAKER_PREFIX.match(message.content)
    if match and len(messages) > 1 and _all_have_prefix(messages):
        return match[1], message.content[match.end() :]
    return None, message.content


def _all_have_prefix(messages: Sequence[ChatMessage]) -> bool:
    spoken = [m for m in messages if m.role in ("user", "assistant") and m.content]
    matches = [_SPEAKER_PREFIX.match(m.content) for m in spoken]
    names = {match[1] for match in matches if match}
    return all(matches) and len(names) <= max(2, len(spoken) // 2)


def _is_among_people(
    messages: Sequence[ChatMessage], names: Sequence[str | None]
) -> bool:
    """Named people in both roles, or several of them in the user's role."""
    spoken = list(zip(messages, names, strict=True))
    assistants = {name for m, name in spoken if m.role == "assistant"}
    users = {name for m, name in spoken if m.role == "user"} - {None}
    if assistants:
        return None not in assistants
    return len(users) > 1


def _is_heard(
    message: ChatMessage, options: EngineOptions, *, is_among_people: bool
) -> bool:
    if options.subject == "agent":
        return message.role == "assistant"
    return message.role == "user" or (is_among_people and message.role == "assistant")


def _attribution(
    message: ChatMessage, *, is_among_people: bool
) -> Literal["user", "agent"]:
    is_agent = message.role == "assistant" and not is_among_people
    return "agent" if is_agent else "user"


def _voice(
    message: ChatMessage,
    name: str | None,
    names: Sequence[str | None],
) -> Voice:
    """How speaker and listener are called in a fact."""
    if message.role == "assistant":
        return Voice(name or "Assistant", _listener(name, names) or "User")
    return Voice(name or "User", _listener(name, names) or "the assistant")


def _listener(name: str | None, names: Sequence[str | None]) -> str | None:
    """The other person, when there is exactly one."""
    others = {other for other in names if other} - {name}
    return others.pop() if len(others) == 1 else None
