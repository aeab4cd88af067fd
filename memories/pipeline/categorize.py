"""Categories for texts that were stored without asking what they are about.

By a model where the project has one, in as few calls as the window allows, else by the
likeness of embeddings, as the ``local`` engine does. Nothing is stored here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memories.pipeline.asking import Asker, Record
from memories.pipeline.facts import known_categories
from memories.pipeline.local import topics
from memories.pipeline.prompting import (
    facts_text,
    line_tokens,
    room_for_data,
    shorten,
    system_text,
)
from memories.pipeline.reply import ListReader
from memories.pipeline.schemas import CATEGORIES
from memories.prompts import get_prompt
from memories.providers.base import Chat, ChatRequest, Embedder
from memories.providers.tokens import bound_tokens
from memories.types import EngineOptions, Fact, PromptText

MOST_FACTS = 50
MAX_FACT_TOKENS = 500
"""What a text is about stands at its beginning."""

_READER = ListReader(CATEGORIES, "facts")


@dataclass(frozen=True, slots=True)
class Said:
    """A text, and who is its subject, if that is known by name."""

    text: str
    speaker: str | None = None


def categorize_by_likeness(
    said: Sequence[Said], categories: Mapping[str, str], embedder: Embedder
) -> list[tuple[str, ...]]:
    """For each text at most two names, closest first. Raises ProviderError."""
    texts = [topics.topic_text(one.text, one.speaker) for one in said]
    return topics.assign_categories(embedder.embed(texts), categories, embedder)


def categorize_by_model(
    said: Sequence[Said],
    options: EngineOptions,
    chat: Chat,
    prompts: Mapping[str, PromptText],
    record: Record,
) -> list[tuple[str, ...]]:
    """For each text the names that a model chose; those it left out have none.

    Of the options only the categories count. Raises ProviderError when the model cannot
    be made to answer.
    """
    prompt = get_prompt(prompts, "categories")
    system = system_text(prompt, options)
    fixed = bound_tokens(system) + bound_tokens(json.dumps(CATEGORIES))
    room = room_for_data(chat.context_tokens, fixed)
    asker = Asker(chat, record)
    found: list[tuple[str, ...]] = [()] * len(said)
    for facts in _portions([one.text for one in said], room):
        request = ChatRequest(system, facts_text(facts), CATEGORIES, "categories")
        for row in asker.ask(request, prompt, _READER.read).kept:
            if row["fact"] in facts:
                names = known_categories(row["cats"], options.categories)
                found[row["fact"] - 1] = names
    return found


def _portions(texts: Sequence[str], room: int) -> list[dict[int, Fact]]:
    """Facts by number, from 1, in groups that fit a call."""
    portions: list[dict[int, Fact]] = [{}]
    left = room
    for number, text in enumerate(texts, start=1):
        head = shorten(text, min(MAX_FACT_TOKENS, room // 2))
        cost = line_tokens(head)
        if portions[-1] and (cost > left or len(portions[-1]) == MOST_FACTS):
            portions.append({})
            left = room
        portions[-1][number] = Fact(head)
        left -= cost
    return portions
