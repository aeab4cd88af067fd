"""What a search must beat: plain dense retrieval, chunks (RAG), and the full context.

Computed here by numpy, without the platform, with the embedder that the run's own
platform has; beside a platform at an address, with the local one. Chunk sizes and k are
the Mem0 paper's (arXiv 2504.19413 §3.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from memories.evaluation.metrics import LINE_TOKENS, Result, as_far_as_needed
from memories.evaluation.types import Conversation, Question, Turn
from memories.types import Vectors

CHUNK_TOKENS = (128, 256, 512, 1024, 2048, 4096, 8192)
CHUNKS_TAKEN = (1, 2)
DENSE_RAW, DENSE_NAMED, FULL = "dense", "dense, speaker: text", "full context"
PIECE_TOKENS = 128
"""Chunks are embedded as the mean of pieces of this many tokens: the local model reads
256 at most, so that a long chunk would else be known by its beginning only."""

Embed = Callable[[Sequence[str]], Vectors]
"""Texts to (n, dim) float32, unit norm."""
Count = Callable[[str], int]
"""How many tokens a text has."""
Range = tuple[int, int]
"""From and past the last."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's results under one method."""

    question: Question
    results: tuple[Result, ...]


def dense(
    conversation: Conversation, embed: Embed, count: Count, *, is_named: bool
) -> Iterator[Asked]:
    """One vector per turn, the question as it is."""
    turns = list(conversation.turns)
    texts = [turn.spoken if is_named else turn.text for turn in turns]
    vectors = embed(texts)
    results = [
        Result(frozenset([turn.id]), count(turn.spoken) + LINE_TOKENS) for turn in turns
    ]
    for question, order in _nearest(conversation, vectors, embed):
        yield Asked(question, as_far_as_needed(results[row] for row in order))


def full_context(conversation: Conversation, count: Count) -> Iterator[Asked]:
    """Everything that was said: the most anybody can find, and what it costs."""
    turns = list(conversation.turns)
    tokens = sum(count(turn.spoken) for turn in turns)
    everything = Result(frozenset(turn.id for turn in turns), tokens)
    for question in conversation.questions:
        yield Asked(question, (everything,))


def chunk_name(size: int, taken: int) -> str:
    return f"RAG {size} tokens, k={taken}"


def chunks(
    conversation: Conversation, embed: Embed, count: Count
) -> Iterator[tuple[str, Asked]]:
    """Every chunk size and k, by the method's name.

    The conversation is cut every ``size`` tokens at the next end of a word; a turn is
    found when all of it is in what was taken.
    """
    index = ChunkIndex.of(conversation, embed, count)
    questions = list(conversation.questions)
    queries = embed([question.text for question in questions])
    for size in CHUNK_TOKENS:
        for question, query in zip(questions, queries, strict=True):
            nearest = index.nearest(query, size, max(CHUNKS_TAKEN))
            for taken in CHUNKS_TAKEN:
                result = index.result(nearest[:taken])
                yield chunk_name(size, taken), Asked(question, (result,))


@dataclass(frozen=True, slots=True)
class Piece:
    """About ``PIECE_TOKENS`` tokens of a conversation, and which words those are."""

    text: str
    tokens: int
    first_word: int
    last_word: int
    """Past the last."""


def cut_into_pieces(conversation: Conversation, count: Count) -> list[Piece]:
    words = [word for turn in conversation.turns for word in _words(turn)]
    sizes = [count(word) for word in words]
    pieces, start, used = [], 0, 0
    for number, size in enumerate(sizes):
        if used and used + size > PIECE_TOKENS:
            pieces.append(Piece(" ".join(words[start:number]), used, start, number))
            start, used = number, 0
        used += size
    if used:
        pieces.append(Piece(" ".join(words[start:]), used, start, len(words)))
    return pieces


def group_pieces(count: int, per_chunk: int) -> list[Range]:
    """Chunks as ranges of pieces, the last one past the end."""
    edges = [*range(0, count, per_chunk), count]
    return list(pairwise(edges))


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """A conversation in pieces, from which chunks of any size are made."""

    pieces: Sequence[Piece]
    vectors: Vectors
    spans: Sequence[tuple[str, int, int]]
    """Each turn, and which words of the conversation are its own."""
    means: dict[int, Vectors] = field(default_factory=dict)
    """Of each chunk, by the size of chunks; made when first asked for."""

    @classmethod
    def of(cls, conversation: Conversation, embed: Embed, count: Count) -> Self:
        pieces = cut_into_pieces(conversation, count)
        vectors = embed([piece.text for piece in pieces])
        return cls(pieces, vectors, _spans(conversation))

    def nearest(self, query: Vectors, size: int, taken: int) -> list[Range]:
        """The chunks nearest to a query, the best first."""
        groups = group_pieces(len(self.pieces), size // PIECE_TOKENS)
        if size not in self.means:
            means = [_mean_direction(self.vectors[a:b]) for a, b in groups]
            self.means[size] = np.stack(means)
        order = np.argsort(-(self.means[size] @ query), kind="stable")
        return [groups[int(row)] for row in order[:taken]]

    def result(self, ranges: Sequence[Range]) -> Result:
        """What the chunks hold together."""
        held = _merged(
            (self.pieces[first].first_word, self.pieces[last - 1].last_word)
            for first, last in ranges
        )
        turns = frozenset(
            turn_id
            for turn_id, start, end in self.spans
            if any(first <= start and end <= last for first, last in held)
        )
        return Result(turns, self._tokens(ranges))

    def text(self, ranges: Sequence[Range]) -> str:
        """The chunks' words, each chunk after the other."""
        return "\n\n".join(
            " ".join(piece.text for piece in self.pieces[first:last])
            for first, last in ranges
        )

    def _tokens(self, ranges: Sequence[Range]) -> int:
        return sum(p.tokens for first, last in ranges for p in self.pieces[first:last])


def _words(turn: Turn) -> list[str]:
    return turn.spoken.split()


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """Neighbours as one: a turn that both hold a part of is held."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and merged[-1][1] == first:
            first = merged.pop()[0]
        merged.append((first, last))
    return merged


def _spans(conversation: Conversation) -> list[tuple[str, int, int]]:
    """Each turn, and which words of the conversation are its own."""
    spans, at = [], 0
    for turn in conversation.turns:
        end = at + len(_words(turn))
        spans.append((turn.id, at, end))
        at = end
    return spans


def _mean_direction(vectors: Vectors) -> Vectors:
    mean: Vectors = vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _nearest(
    conversation: Conversation, vectors: Vectors, embed: Embed
) -> Iterator[tuple[Question, NDArray[np.intp]]]:
    """Rows by falling cosine; the earlier one first among equals."""
    questions = list(conversation.questions)
    queries = embed([question.text for question in questions])
    for question, query in zip(questions, queries, strict=True):
        yield question, np.argsort(-(vectors @ query), kind="stable")
