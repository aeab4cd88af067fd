"""The shipped default prompts: one text file each, named by what it asks for.

A project's published prompt versions replace them by the same name; nothing here knows
projects. Texts are templates of named sections (``memories/pipeline/prompting.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from memories.types import PromptText

NAMES = (
    "single_pass_user",
    "single_pass_agent",
    "extract_user",
    "extract_agent",
    "decide",
    "graph",
    "additive_user",
    "additive_agent",
    "procedural",
    "categories",
    "images",
    "summary",
    "export",
    "profile",
    "patterns",
)


@cache
def shipped_prompts() -> Mapping[str, PromptText]:
    """Every shipped prompt by its name; the name is its purpose."""
    return MappingProxyType({name: PromptText(name, _read(name)) for name in NAMES})


def get_prompt(prompts: Mapping[str, PromptText], name: str) -> PromptText:
    """The project's prompt of that name, else the shipped one."""
    return prompts.get(name) or shipped_prompts()[name]


def content_hash(text: str) -> str:
    """SHA-256, hex: tells whether a stored prompt version is the shipped text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _read(name: str) -> str:
    return (resources.files(__name__) / f"{name}.txt").read_text(encoding="utf-8")
