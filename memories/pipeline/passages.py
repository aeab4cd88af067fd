"""What an engine reads of an add: each message's own words, then what it brought.

An engine works with positions in a list of messages. Here each page of a document
becomes a message of its own, and what was decided is traced back to the message, the
attachment and the page it rests on. Pure: no model, no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memories.providers.media import IMAGE, PDF
from memories.types import ChatMessage, EngineResult, PageOf


@dataclass(frozen=True, slots=True)
class Brought:
    """A document or image of a message, read: ``pages`` are its texts in order.

    ``message`` is the message's position in the add, ``number`` its place among those
    of the message, ``mention`` what stands for it among the message's words.
    """

    message: int
    number: int
    kind: str
    mention: str
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passages:
    """Messages for an engine, and for each where it comes from."""

    messages: tuple[ChatMessage, ...]
    positions: tuple[int, ...]
    pages: tuple[PageOf | None, ...]

    def trace(self, result: EngineResult) -> EngineResult:
        """The same decisions, on the messages of the add."""
        if not any(self.pages):
            return result
        return EngineResult(
            tuple(
                replace(
                    decision,
                    fact=decision.fact
                    and replace(
                        decision.fact,
                        messages=self._own(decision.fact.messages),
                        pages=self._pages(decision.fact.messages),
                    ),
                    messages=self._own(decision.messages),
                )
                for decision in result.decisions
            ),
            tuple(
                replace(dropped, messages=self._own(dropped.messages))
                for dropped in result.dropped
            ),
        )

    def all_of(self, passages: Iterable[int]) -> list[int]:
        """The messages of the add all of whose passages are among these."""
        among = set(passages)
        rest = {at for i, at in enumerate(self.positions) if i not in among}
        return sorted({self.positions[i] for i in among} - rest)

    def _own(self, passages: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted({self.positions[i] for i in passages}))

    def _pages(self, passages: Iterable[int]) -> tuple[PageOf, ...]:
        found = (self.pages[i] for i in sorted(set(passages)))
        return tuple(page for page in found if page is not None)


def spread(messages: Sequence[ChatMessage], brought: Sequence[Brought]) -> Passages:
    """Every message in its place, each followed by the pages it brought."""
    said: list[ChatMessage] = []
    positions: list[int] = []
    pages: list[PageOf | None] = []
    for position, message in enumerate(messages):
        mine = [one for one in brought if one.message == position]
        said.append(_own_words(message, mine))
        positions.append(position)
        pages.append(None)
        for one, page, text in _pages_of(mine):
            label = _label(one.kind, page, len(one.pages))
            said.append(replace(message, content=text, document=label))
            positions.append(position)
            pages.append(PageOf(position, one.number, page))
    return Passages(tuple(said), tuple(positions), tuple(pages))


def _own_words(message: ChatMessage, brought: Sequence[Brought]) -> ChatMessage:
    """Without the mentions of what now follows it."""
    if not brought:
        return message
    mentions = {one.mention for one in brought}
    kept = [line for line in message.content.split("\n") if line not in mentions]
    return replace(message, content="\n".join(kept))


def _pages_of(brought: Iterable[Brought]) -> Iterable[tuple[Brought, int, str]]:
    return (
        (one, page, text)
        for one in brought
        for page, text in enumerate(one.pages, start=1)
        if text.strip()
    )


def _label(kind: str, page: int, pages: int) -> str:
    if kind == PDF:
        return f"PDF, page {page} of {pages}"
    return "image, as a model describes it" if kind == IMAGE else "document"
