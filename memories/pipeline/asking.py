"""Asks a chat model until the reply can be read, and reports every request made.

It knows neither prompts nor what a reply means: the caller brings both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from memories.pipeline.prompting import quote, shorten
from memories.pipeline.reply import storable
from memories.providers.base import Chat, ChatReply, ChatRequest
from memories.types import ModelCall, PromptText
from memplatform.lib.errors import ProviderError, ProviderReplyInvalid

MAX_RE_ASKS = 2
CORRECTION_TOKENS = 150
"""What a reply had wrong is told in brief: FRAME_TOKENS must hold it."""

Record = Callable[[ModelCall], None]
Heartbeat = Callable[[], None]
"""Called before every request; may raise to stop the work."""


def no_heartbeat() -> None:
    """For work that nobody can take over."""


class Asker:
    """A chat model together with the record of what it is asked. Thread-safe."""

    def __init__(
        self, chat: Chat, record: Record, heartbeat: Heartbeat = no_heartbeat
    ) -> None:
        self._chat = chat
        self._record = record
        self._heartbeat = heartbeat

    @property
    def context_tokens(self) -> int:
        return self._chat.context_tokens

    def ask[T](
        self, request: ChatRequest, prompt: PromptText, read: Callable[[str], T]
    ) -> T:
        """What ``read`` makes of the reply to ``request``.

        An unreadable reply is asked for again, with what was wrong with it, at most
        twice. Raises ProviderReplyInvalid after that, other ProviderErrors at once.
        """
        attempt = request
        for _ in range(MAX_RE_ASKS):
            try:
                return self._ask_once(attempt, prompt, read)
            except ProviderReplyInvalid as error:
                attempt = _with_correction(request, error)
        return self._ask_once(attempt, prompt, read)

    def _ask_once[T](
        self, request: ChatRequest, prompt: PromptText, read: Callable[[str], T]
    ) -> T:
        self._heartbeat()
        started = time.monotonic()
        reply: ChatReply | None = None
        problem: ProviderError | None = None
        try:
            reply = self._chat.complete(request)
            return read(reply.text)
        except ProviderError as error:
            problem = error
            raise
        finally:
            latency_ms = (time.monotonic() - started) * 1000
            self._record(self._call(request, prompt, reply, problem, latency_ms))

    def _call(
        self,
        request: ChatRequest,
        prompt: PromptText,
        reply: ChatReply | None,
        problem: ProviderError | None,
        latency_ms: float,
    ) -> ModelCall:
        return ModelCall(
            purpose=prompt.purpose,
            model=self._chat.model,
            provider=self._chat.provider,
            outcome=problem.code if problem else "ok",
            prompt_tokens=reply.prompt_tokens if reply else 0,
            completion_tokens=reply.completion_tokens if reply else 0,
            latency_ms=reply.latency_ms if reply else latency_ms,
            cost=reply.cost if reply else None,
            prompt_version_id=prompt.version_id,
            request=(
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ),
            reply=storable(reply.text) if reply else "",
            error=storable(problem.message) if problem else "",
        )


def _with_correction(request: ChatRequest, error: ProviderReplyInvalid) -> ChatRequest:
    problem = quote(shorten(error.detail, CORRECTION_TOKENS))
    correction = (
        f"# CORRECTION\nYour last answer could not be used: {problem}\n"
        "Answer again, with one whole JSON object only."
    )
    return replace(request, user=f"{request.user}\n{correction}")
