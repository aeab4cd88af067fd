"""What a search is compared with, on an embedder that counts words."""

from __future__ import annotations

import numpy as np
import pytest

from memories.evaluation import baselines
from memories.evaluation.baselines import cut_into_pieces, group_pieces
from memories.evaluation.types import Conversation, Question, Session, Turn

WORDS = ("van", "rose", "lisbon", "bob")


def embed(texts):
    """One direction for each known word, and one that every text has a little of."""
    rows = [[0.1, *(text.lower().count(word) for word in WORDS)] for text in texts]
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def count(text):
    return len(text.split())


@pytest.fixture
def conversation():
    turns = (
        Turn("1", "a rose for you", speaker="Bob"),
        Turn("2", "the van is red", speaker="Ida"),
        Turn("3", "no idea", speaker="Bob"),
    )
    questions = (
        Question("q1", "which van?", "x", frozenset("2")),
        Question("q2", "what did bob say?", "x", frozenset("3")),
    )
    return Conversation("c", (Session("1", turns),), questions)


def order(asked):
    return ["".join(sorted(result.turns)) for result in asked.results]


def test_plain_dense_ranks_turns_by_cosine(conversation):
    first, _ = baselines.dense(conversation, embed, count, is_named=False)
    assert order(first)[0] == "2"
    assert first.results[0].tokens == 4 + 1 + 2  # who speaks, and the line itself


def test_names_help_a_question_that_names_somebody(conversation):
    _, unnamed = baselines.dense(conversation, embed, count, is_named=False)
    _, named = baselines.dense(conversation, embed, count, is_named=True)
    assert order(unnamed)[0] != "1"  # no text says bob
    assert order(named)[0] == "3"


def test_the_full_context_holds_everything_at_its_price(conversation):
    asked, _ = baselines.full_context(conversation, count)
    (result,) = asked.results
    assert result.turns == set("123")
    assert result.tokens == 5 + 5 + 3  # with who speaks


def test_pieces_lose_no_word_and_keep_their_size():
    turns = tuple(Turn(str(n), "word " * 50) for n in range(10))
    whole = Conversation("c", (Session("1", turns),), ())
    pieces = cut_into_pieces(whole, count)
    assert [piece.tokens for piece in pieces] == [128, 128, 128, 116]
    assert [p.first_word for p in pieces[1:]] == [p.last_word for p in pieces[:-1]]


def test_the_last_chunk_is_what_is_left():
    assert group_pieces(5, 2) == [(0, 2), (2, 4), (4, 5)]


def long_conversation():
    """Turns of 100 words: the second lies over the end of the first piece."""
    turns = tuple(
        Turn(str(n), f"{word} " + "and " * 99)
        for n, word in enumerate(("van", "rose", "rose"))
    )
    question = Question("q", "rose", "x", frozenset("1"))
    return Conversation("c", (Session("1", turns),), (question,))


def found(name):
    for method, asked in baselines.chunks(long_conversation(), embed, count):
        if method == name:
            return asked.results[0]
    raise AssertionError(name)


def test_a_turn_that_a_chunk_cuts_is_not_found():
    assert "1" not in found("RAG 128 tokens, k=1").turns


def test_two_neighbouring_chunks_hold_the_turn_between_them():
    result = found("RAG 128 tokens, k=2")
    assert "1" in result.turns
    assert result.tokens == 256


def test_a_chunk_beyond_the_end_is_the_whole_conversation():
    result = found("RAG 8192 tokens, k=1")
    assert (result.turns, result.tokens) == (set("012"), 300)
