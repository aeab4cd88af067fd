"""The rolling summary of a conversation: by a model, or by rules where there is none.

The paper's S (Mem0, arXiv 2504.19413 §2.1), refreshed in the background; an add never
waits for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from memories.pipeline.asking import Asker, Record
from memories.pipeline.prompting import (
    exchange_text,
    room_for_data,
    shorten,
    split_messages,
    system_text,
)
from memories.pipeline.reply import ObjectReader
from memories.pipeline.schemas import SUMMARY
from memories.prompts import get_prompt
from memories.providers.base import Chat, ChatRequest
from memories.providers.tokens import bound_tokens
from memories.types import ChatMessage, Context, EngineOptions, PromptText

MAX_WORDS = 150
# A model that ignores the limit is cut here: the summary goes into every request.
MAX_CHARS = 2_000

_SUMMARY = ObjectReader(SUMMARY)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def refresh_summary(
    chat: Chat,
    prompts: Mapping[str, PromptText],
    record: Record,
    previous: str | None,
    messages: Sequence[ChatMessage],
    options: EngineOptions,
) -> str:
    """The summary after ``messages``, in as many calls as the window demands.

    Raises ProviderError when the model cannot be made to answer.
    """
    prompt = get_prompt(prompts, "summary")
    system = system_text(prompt, options, words=MAX_WORDS)
    asker = Asker(chat, record)
    fixed_tokens = bound_tokens(system) + bound_tokens(json.dumps(SUMMARY))
    room = room_for_data(chat.context_tokens, fixed_tokens)
    summary = previous or ""
    for chunk in split_messages(messages, Context(), room * 2 // 3):
        so_far = Context(summary=shorten(summary, room // 3))
        user = exchange_text(chunk, so_far, options)
        request = ChatRequest(system, user, SUMMARY, "summary")
        reply = asker.ask(request, prompt, _SUMMARY.read)
        summary = _first_sentences(reply["summary"].strip(), MAX_CHARS)
    return summary


def summarize_by_rule(
    previous: str | None, messages: Sequence[ChatMessage], max_chars: int = MAX_CHARS
) -> str:
    """The last sentences said, newest kept, each with who said it. No model."""
    said = (previous or "").splitlines()
    for message in messages:
        if message.role in ("user", "assistant"):
            speaker = message.name or message.role.capitalize()
            said += [f"{speaker}: {part}" for part in _sentences(message.content)]
    kept: list[str] = []
    room = max_chars
    for line in reversed(said):
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept)) or "".join(said[-1:])[:max_chars]


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def _first_sentences(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    cut = text[:max_chars]
    ends = [match.start() for match in _SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]] if ends else cut
