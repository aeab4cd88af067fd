"""Our own answers, quoted back to us, are masked before anything is extracted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.pipeline.relearning import mask_recalled
from memories.types import ChatMessage

KNOWN = ["Ann keeps bees in her garden in Porto.", "Likes tea"]


def masked(content: str, role: str = "assistant", known=KNOWN) -> str:
    ((message,), _) = mask_recalled([ChatMessage(role, content)], known)
    return " ".join(message.content.split())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        # the very words, and the same in another dress
        ("Ann keeps bees in her garden in Porto.", ""),
        ("ANN KEEPS BEES, in her garden -- in Porto!", ""),
        # what is new beside them stays
        ("Ann keeps bees in her garden in Porto. She is 40.", "She is 40."),
        # most of a sentence is not all of it
        ("Ann keeps bees and sells honey at the market.", "Ann keeps bees and sells honey at the market."),
        # words that happen to be shared
        ("In her garden.", ""),
        ("Ann likes Porto.", "Ann likes Porto."),
        # a memory of two words
        ("Likes tea!", ""),
        ("Likes tea and cake.", "Likes tea and cake."),
        # our context block, also one that was cut off
        ("Hi. <memories>Bo is 3.</memories> Bye.", "Hi. Bye."),
        ("Hi. <memories>Bo is 3. And so on", "Hi."),
        ("<memories>a</memories> b <memories>c</memories>", "b"),
        ("", ""),
    ],
)  # fmt: skip
def test_our_words_are_masked_and_nothing_else(said, left):
    assert masked(said) == left


@pytest.mark.parametrize("role", ["assistant", "tool", "system", "agent"])
def test_whoever_is_not_the_user_is_masked(role):
    assert masked(KNOWN[0], role) == ""


def test_a_person_who_repeats_a_fact_confirms_it():
    assert masked(KNOWN[0], "user") == KNOWN[0]
    assert masked("<memories>mine</memories>", "user") == "<memories>mine</memories>"


def test_a_block_is_masked_even_when_nothing_was_recalled():
    assert masked("<memories>Bo is 3.</memories> Hi.", known=[]) == "Hi."


def test_it_tells_which_messages_had_nothing_else():
    said = [KNOWN[0], "Something new.", "   ", f"{KNOWN[0]} {KNOWN[1]}."]
    messages = [ChatMessage("assistant", text) for text in said]
    assert mask_recalled(messages, KNOWN)[1] == [0, 3]


@given(st.text(max_size=200), st.lists(st.text(max_size=60), max_size=3))
def test_it_only_takes_away(content, known):
    ((message,), emptied) = mask_recalled([ChatMessage("assistant", content)], known)
    assert len(message.content.split()) <= len(content.split())
    assert bool(emptied) == (bool(content.strip()) and not message.content.strip())
