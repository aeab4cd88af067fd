"""A user's profile by rules: memories sorted into the schema's fields, word for word.

Nothing is worded anew and nothing concluded: a field that is text, or a list of texts,
takes the memories that its description is nearest to; a choice takes the one a memory
names. What takes understanding (numbers, yes or no, nested objects) stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from memories.pipeline.local.topics import assign_categories, topic_text
from memories.pipeline.profile import Filled
from memories.providers.base import Embedder
from memories.types import JsonDict, KnownMemory

MAX_LISTED = 20
"""Texts in a list whose schema sets no lower limit."""


def fill_by_rules(
    schema: Mapping[str, Any], memories: Sequence[KnownMemory], embedder: Embedder
) -> Filled:
    """As much of the resolved ``schema`` as rules can fill, the newest memories first.

    Empty when what they find does not fit it. Raises ProviderError.
    """
    rules: Mapping[str, JsonDict] = schema["properties"]
    near = _near(rules, memories, embedder)
    sources: dict[str, tuple[KnownMemory, ...]] = {}
    data: JsonDict = {}
    for name, rule in rules.items():
        value, used = _filled(rule, near[name])
        if used and Draft202012Validator(rule).is_valid(value):
            data[name], sources[name] = value, used
    if not Draft202012Validator(schema).is_valid(data):
        return Filled({}, {})
    return Filled(data, sources)


def _near(
    rules: Mapping[str, JsonDict],
    memories: Sequence[KnownMemory],
    embedder: Embedder,
) -> dict[str, list[KnownMemory]]:
    """By field the memories it is nearest to; a category of its name settles that."""
    near: dict[str, list[KnownMemory]] = {name: [] for name in rules}
    told = [memory for memory in memories if not near.keys() & set(memory.categories)]
    described = {name: rule["description"] for name, rule in rules.items()}
    vectors = embedder.embed([topic_text(memory.text, None) for memory in told])
    assigned = assign_categories(vectors, described, embedder)
    of_told = {m.id: names for m, names in zip(told, assigned, strict=True)}
    for memory in memories:
        names = of_told.get(memory.id) or memory.categories
        for name in names:
            if name in near:
                near[name].append(memory)
    return near


def _filled(
    rule: JsonDict, near: Sequence[KnownMemory]
) -> tuple[Any, tuple[KnownMemory, ...]]:
    """A field's value and what it rests on; nothing when rules cannot tell."""
    if "enum" in rule:
        return _chosen(rule["enum"], near)
    if _takes(rule, "string") and near:
        return near[0].text, (near[0],)
    if _takes(rule, "array") and _takes(rule["items"], "string"):
        if "enum" in rule["items"]:
            return _all_chosen(rule, near)
        used = tuple(near[: _most(rule)])
        return [memory.text for memory in used], used
    return None, ()


def _chosen(
    choices: Sequence[Any], near: Sequence[KnownMemory]
) -> tuple[Any, tuple[KnownMemory, ...]]:
    """The choice that the newest memory names which names one."""
    for memory in near:
        named = [choice for choice in choices if _names(memory.text, choice)]
        if named:
            return max(named, key=len), (memory,)
    return None, ()


def _all_chosen(
    rule: JsonDict, near: Sequence[KnownMemory]
) -> tuple[list[Any], tuple[KnownMemory, ...]]:
    found: dict[str, KnownMemory] = {}
    for memory in near:
        for choice in rule["items"]["enum"]:
            if choice not in found and _names(memory.text, choice):
                found[choice] = memory
    kept = dict(list(found.items())[: _most(rule)])
    return list(kept), tuple({m.id: m for m in kept.values()}.values())


def _names(text: str, choice: Any) -> bool:
    is_text = isinstance(choice, str) and bool(choice.strip())
    return is_text and bool(
        re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", text, re.IGNORECASE)
    )


def _takes(rule: JsonDict, kind: str) -> bool:
    kinds = rule.get("type", ())
    return kind in ([kinds] if isinstance(kinds, str) else kinds)


def _most(rule: JsonDict) -> int:
    return min(int(rule.get("maxItems", MAX_LISTED)), MAX_LISTED)
