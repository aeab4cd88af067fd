"""Procedural memory by rules: the goal, the steps in order, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memories.pipeline.local.fillers import strip_fillers
from memories.pipeline.local.sentences import split_sentences
from memories.types import ChatMessage, Fact

_NUMBERED = re.compile(r"^\s*(?:step\s*)?\d{1,2}[.):]\s+(?P<step>\S.*)$", re.IGNORECASE)
_BULLETED = re.compile(r"^\s*[-*•]\s+(?P<step>\S.*)$")
_ORDERED = re.compile(
    r"^(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|then|next|after that|afterwards|"
    r"finally|lastly|now)\b,?\s+(?P<step>\S.*)$",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"^(?:i(?:'ve| have|'m| am|'ll| will)? )(?P<step>(?:just )?(?:now )?[a-z]+(?:ed|"
    r"ing)\b"
    r".*|(?:went|ran|found|wrote|sent|built|set|made|took|got|read|chose)\b.*)$",
    re.IGNORECASE,
)
_OUTCOME = re.compile(
    r"\b(?:done|completed?|finished|success(?:ful(?:ly)?)?|failed|error|result)\b", re.I
)
_MAX_STEPS = 40
_MAX_STEP_CHARS = 300


def read_procedure(messages: Sequence[ChatMessage]) -> Fact | None:
    """One fact of kind procedure, or None when no message holds a step."""
    steps: list[str] = []
    positions: list[int] = []
    for position, message in enumerate(messages):
        found = list(_steps(message))
        if found:
            positions.append(position)
        steps += [step for step in found if step not in steps]
    if not steps:
        return None
    goal_at, goal = _goal(messages)
    used = sorted({*positions, *([goal_at] if goal else [])})
    return Fact(
        text=_written(goal, steps[:_MAX_STEPS]),
        messages=tuple(used),
        attributed_to="agent",
        kind="procedure",
    )


def _written(goal: str, steps: Sequence[str]) -> str:
    outcome = steps[-1] if len(steps) > 1 and _OUTCOME.search(steps[-1]) else ""
    listed = steps[:-1] if outcome else steps
    lines = [f"Procedure: {goal}" if goal else "Procedure"]
    lines += [f"{number}. {step}" for number, step in enumerate(listed, start=1)]
    return "\n".join([*lines, f"Outcome: {outcome}"] if outcome else lines)


def _goal(messages: Sequence[ChatMessage]) -> tuple[int, str]:
    """The first sentence of the first user message that is no step."""
    for position, message in enumerate(messages):
        if message.role != "user":
            continue
        for sentence in split_sentences(message.content):
            goal = strip_fillers(sentence, ()).rstrip(".!?")
            if len(goal.split()) > 1 and not _NUMBERED.match(sentence):
                return position, goal
    return 0, ""


def _steps(message: ChatMessage) -> Iterator[str]:
    if message.role == "system":
        return
    for line in message.content.splitlines():
        listed = _NUMBERED.match(line) or _BULLETED.match(line)
        if listed:
            yield _step(listed["step"])
            continue
        for sentence in split_sentences(line):
            told = _ORDERED.match(sentence)
            if told is None and message.role == "assistant":
                told = _DONE.match(sentence)
            if told:
                yield _step(told["step"])


def _step(text: str) -> str:
    step = text.strip().rstrip(".;, ")[:_MAX_STEP_CHARS]
    return step[:1].upper() + step[1:]
