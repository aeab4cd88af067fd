"""What a prompt may hold: its ``{sections}``, and what is wrong with a new text.

Pure. Which text a section is filled with is told by ``prompting.system_text``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from memories.pipeline.prompting import LAST, PLACEHOLDER
from memories.prompts import shipped_prompts
from memories.types import PromptText

MAX_PROMPT_CHARS = 40_000
SECTIONS: Mapping[str, str] = {
    "categories": "The project's categories, each with its description.",
    "project": (
        "The project's instructions, what to include and what never to remember, what"
        " the memory is for. Each line is marked with >."
    ),
    "times": "How to say when a fact is true, how it recurs and what it tells of.",
    "graph": "How to name entities and relations; empty where the graph is off.",
    "words": "The most words that the answer may take.",
}
_NAMED = re.compile(r"\{([A-Za-z_][\w-]*)\}")


@dataclass(frozen=True, slots=True)
class Section:
    """A section as the editor explains it; ``is_used`` in the text at hand."""

    name: str
    about: str
    is_used: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What stands against a text, and what is only worth knowing."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def sections_of(purpose: str, text: str = "") -> tuple[Section, ...]:
    """The sections that a prompt of this purpose is filled with."""
    used = set(_NAMED.findall(text))
    return tuple(
        Section(name, SECTIONS[name], name in used) for name in _known(purpose)
    )


def check_prompt(purpose: str, text: str) -> Checked:
    """Whether a text can be spoken for this purpose."""
    return Checked(tuple(_problems(purpose, text)), tuple(_notes(purpose, text)))


def placeholders_left(prompt: PromptText) -> set[str]:
    """Sections of the shipped text that this one has no place for."""
    return set(_known(prompt.purpose)) - set(PLACEHOLDER.findall(prompt.text))


def _problems(purpose: str, text: str) -> list[str]:
    if not text.strip():
        return ["A prompt needs a text."]
    problems = []
    if len(text) > MAX_PROMPT_CHARS:
        problems.append(
            f"This has {len(text):,} characters; a prompt has {MAX_PROMPT_CHARS:,} at"
            " most."
        )
    if "\x00" in text:
        problems.append("The text holds a NUL character, which cannot be stored.")
    known = _known(purpose)
    for name in dict.fromkeys(_NAMED.findall(text)):
        if name not in known:
            problems.append(_unknown(name, known))
    return problems


def _unknown(name: str, known: tuple[str, ...]) -> str:
    there = ", ".join(f"{{{section}}}" for section in known)
    return f"There is no section {{{name}}} here; this prompt has {there}."


def _notes(purpose: str, text: str) -> list[str]:
    notes = []
    for name in placeholders_left(PromptText(purpose, text)):
        if name in LAST:
            notes.append(
                f"{{{name}}} is missing: what it stands for follows at the very end."
            )
        else:
            notes.append(f"{{{name}}} is missing: the model is not told that limit.")
    return sorted(notes)


def _known(purpose: str) -> tuple[str, ...]:
    shipped = shipped_prompts().get(purpose)
    found = PLACEHOLDER.findall(shipped.text) if shipped else ["project"]
    return tuple(dict.fromkeys(found))
