"""What each prompt is for: which stage speaks it, and for which adds.

The purpose of a prompt is its name. Nothing here knows projects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Purpose:
    """``engine`` is the one that speaks it; None: whichever the project uses.

    ``hears`` says whose adds it is spoken for; None: it is spoken apart from adds, and
    so neither for a share of them nor tried on recorded ones. ``is_decisive`` says that
    it has a part in what an add comes to: only then a trial shows anything.
    """

    name: str
    title: str
    spoken: str
    engine: str | None = None
    hears: Literal["user", "agent", "facts", "procedure", "images"] | None = None

    @property
    def is_of_adds(self) -> bool:
        return self.hears is not None

    @property
    def is_decisive(self) -> bool:
        return self.hears not in (None, "images")


_PURPOSES = (
    Purpose(
        "single_pass_user",
        "Remember and decide, about a user",
        "Once for each add about a user, by the engine single_pass: what is worth"
        " remembering, and how it changes what is known.",
        engine="single_pass",
        hears="user",
    ),
    Purpose(
        "single_pass_agent",
        "Remember and decide, about an agent",
        "Once for each add about an agent alone, by the engine single_pass.",
        engine="single_pass",
        hears="agent",
    ),
    Purpose(
        "extract_user",
        "Find facts about a user",
        "First for each add about a user, by the engine two_phase: which facts there"
        " are. The decision on them comes after.",
        engine="two_phase",
        hears="user",
    ),
    Purpose(
        "extract_agent",
        "Find facts about an agent",
        "First for each add about an agent alone, by the engine two_phase.",
        engine="two_phase",
        hears="agent",
    ),
    Purpose(
        "decide",
        "Decide on facts",
        "Second for each add, by the engine two_phase: what each fact does to the"
        " memories near it.",
        engine="two_phase",
        hears="facts",
    ),
    Purpose(
        "graph",
        "Draw entities and relations",
        "Last for each add that stores something, by the engine two_phase.",
        engine="two_phase",
        hears="facts",
    ),
    Purpose(
        "additive_user",
        "Collect facts about a user",
        "Once for each add about a user, by the engine additive: facts are only ever"
        " added.",
        engine="additive",
        hears="user",
    ),
    Purpose(
        "additive_agent",
        "Collect facts about an agent",
        "Once for each add about an agent alone, by the engine additive.",
        engine="additive",
        hears="agent",
    ),
    Purpose(
        "procedural",
        "Write down a procedure",
        "For each add that asks for procedural memory, by every engine with a model.",
        hears="procedure",
    ),
    Purpose(
        "images",
        "Describe images",
        "Before an add that brings images is decided.",
        hears="images",
    ),
    Purpose(
        "categories",
        "Find categories",
        "In the background, for memories that nobody has sorted yet.",
    ),
    Purpose(
        "summary",
        "Summarize a conversation",
        "In the background, every so many messages of a conversation.",
    ),
    Purpose(
        "profile",
        "Fill in a profile",
        "In the background, when the profile of a user is made.",
    ),
    Purpose(
        "patterns",
        "Look for patterns",
        "In the background, when patterns are looked for among memories.",
    ),
    Purpose(
        "export",
        "Fill in an export",
        "When an export by a schema is made.",
    ),
)
PURPOSES: Mapping[str, Purpose] = MappingProxyType({p.name: p for p in _PURPOSES})
"""In the order in which a person looks at them."""
