"""Ask a model whether a memory that may be stale still holds. Nothing is stored here.

It is the paper's update phase the other way round: the fact is what ended the premise,
and the memory in doubt is all that it is held against.
"""

from __future__ import annotations

from collections.abc import Mapping

from memories.pipeline.asking import Asker, Record
from memories.pipeline.prompting import decision_text, shorten, system_text
from memories.pipeline.reply import ListReader
from memories.pipeline.schemas import DECIDE
from memories.prompts import get_prompt
from memories.providers.base import Chat, ChatRequest
from memories.types import EngineOptions, Fact, KnownMemory, PromptText, Verdict

MOST_TOKENS = 2_000
_READER = ListReader(DECIDE, "decisions")


def is_over(
    memory: KnownMemory,
    news: str,
    options: EngineOptions,
    chat: Chat,
    prompts: Mapping[str, PromptText],
    record: Record,
) -> tuple[bool, str]:
    """(whether the news end what a memory says, why). Raises ProviderError."""
    prompt = get_prompt(prompts, "decide")
    facts = {1: Fact(shorten(news, MOST_TOKENS))}
    user = decision_text(facts, frozenset(), [memory], options)
    request = ChatRequest(system_text(prompt, options), user, DECIDE, "decide")
    reply = Asker(chat, record).ask(request, prompt, _READER.read)
    for row in reply.kept:
        if row["fact"] == 1 and row["id"] == 1 and row["op"] == Verdict.DELETE:
            return True, row["why"]
    return False, next((row["why"] for row in reply.kept), "")
