"""How a memory that waits is shown: why, in words, and what it would change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memories.diff import Segment, diff_words
from memories.models import Memory
from memories.selectors.review import Waiting
from memories.types import SCOPE_KEYS, ChatMessage, Concern, Rule, State, Verdict

RULES: Mapping[Rule, str] = {
    Rule.INSTRUCTION: "Looks like an instruction",
    Rule.SOURCE: "Untrusted source",
    Rule.CONFIDENCE: "Low confidence",
}
DETAILS: Mapping[tuple[Rule, str], str] = {
    (Rule.INSTRUCTION, "override"): "puts aside what the agent was told",
    (Rule.INSTRUCTION, "prompt"): "speaks as a system prompt, or asks for it",
    (Rule.INSTRUCTION, "standing"): "orders something for all time",
    (Rule.INSTRUCTION, "exfiltration"): "sends what is known elsewhere",
    (Rule.INSTRUCTION, "tool"): "runs a tool or a command",
    (Rule.INSTRUCTION, "secrecy"): "keeps something from the user",
    (Rule.INSTRUCTION, "model"): "the model says so",
    (Rule.INSTRUCTION, "message"): "its message tries to take the agent over",
    (Rule.SOURCE, "user"): "a user's message",
    (Rule.SOURCE, "assistant"): "the assistant's message",
    (Rule.SOURCE, "system"): "a system message",
    (Rule.SOURCE, "tool"): "a tool's output",
    (Rule.SOURCE, "document"): "a document or image",
    (Rule.SOURCE, "import"): "an imported file",
    (Rule.SOURCE, "app"): "this app",
    (Rule.SOURCE, "name"): "who speaks",
    (Rule.SOURCE, "key"): "this API key",
}
MOST_QUOTED = 600
CHANGES: Mapping[Verdict, str] = {
    Verdict.UPDATE: "Would complete",
    Verdict.DELETE: "Would replace",
    Verdict.MERGE: "Would be hidden behind",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text; marked where a rule found something."""

    text: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Why:
    """One concern in words."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an approval would do to a memory that is there; ``note`` if it cannot."""

    says: str
    target: Memory
    segments: Sequence[Segment]
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue."""

    memory: Memory
    parts: Sequence[Part]
    why: Sequence[Why]
    subjects: Sequence[str]
    change: Change | None
    messages: Sequence[ChatMessage]
    reason: str


def row_of(waiting: Waiting) -> Row:
    memory = waiting.memory
    text = memory.text or ""
    spans = [span for concern in waiting.held.concerns for span in concern.spans]
    return Row(
        memory=memory,
        parts=tuple(mark(text, spans)),
        why=tuple(_why(concern) for concern in waiting.held.concerns),
        subjects=[name for key in SCOPE_KEYS if (name := getattr(memory, key))],
        change=_change(waiting),
        messages=[_short(message) for message in waiting.messages],
        reason=waiting.event.reason,
    )


def mark(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[Part]:
    """The text in parts; spans may overlap, or stand outside of it."""
    done = 0
    for start, end in sorted(spans):
        start, end = max(start, done), min(end, len(text))
        if start >= end:
            continue
        if start > done:
            yield Part(text[done:start], is_marked=False)
        yield Part(text[start:end], is_marked=True)
        done = end
    if done < len(text):
        yield Part(text[done:], is_marked=False)


def _why(concern: Concern) -> Why:
    if concern.rule == Rule.CONFIDENCE:
        return Why(RULES[concern.rule], f"below {concern.detail}")
    known = DETAILS.get((concern.rule, concern.detail), concern.detail)
    return Why(RULES[concern.rule], known)


def _change(waiting: Waiting) -> Change | None:
    held, target = waiting.held, waiting.target
    if held.verdict not in CHANGES or target is None or target.text is None:
        return None
    segments = diff_words(target.text, waiting.memory.text or "")
    return Change(CHANGES[held.verdict], target, segments, _note(waiting, target))


def _note(waiting: Waiting, target: Memory) -> str:
    """Why the approval would store it beside the other, as things stand."""
    if target.state != State.ACTIVE:
        return f"That memory is {target.state} by now: this one would stand beside it."
    if target.is_immutable and waiting.held.verdict != Verdict.MERGE:
        return "That memory is protected: this one would stand beside it."
    is_other = target.vector_number != waiting.held.target_number
    if is_other and waiting.held.verdict != Verdict.MERGE:
        return "That memory was reworded since: this one would stand beside it."
    return ""


def _short(message: ChatMessage) -> ChatMessage:
    if len(message.content) <= MOST_QUOTED:
        return message
    return ChatMessage(message.role, f"{message.content[:MOST_QUOTED]} …", message.name)
