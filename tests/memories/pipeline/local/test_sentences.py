from __future__ import annotations

import pytest

from memories.pipeline.local.sentences import (
    has_vague_subject,
    split_sentences,
    starts_with_action,
)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I ran. I slept!", ["I ran.", "I slept!"]),
        # titles, initials and times do not end a sentence
        ("Dr. Lee came at 5 p.m. today.", ["Dr. Lee came at 5 p.m. today."]),
        # what only looks like an initial does
        ("I can't. I won't.", ["I can't.", "I won't."]),
        ("It is 3.5 km. Good.", ["It is 3.5 km.", "Good."]),
        # lines, bullets, semicolons
        ("- tea\n- coffee; milk", ["tea", "coffee", "milk"]),
        # full stops of Chinese and Japanese need no space
        ("我住在里斯本。我喜欢茶。", ["我住在里斯本。", "我喜欢茶。"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_it_splits(text, sentences):
    assert split_sentences(text) == sentences


def test_what_runs_on_is_cut_at_a_comma():
    text = ", ".join(f"word{n} and more" for n in range(60))
    pieces = split_sentences(text)
    assert all(len(piece.split()) <= 60 for piece in pieces)
    assert all(piece.endswith("more") for piece in pieces)


@pytest.mark.parametrize(
    ("text", "is_vague"),
    [
        ("It's great", True),
        ("She lives in Rome", True),
        ("That was hard", True),
        ("This pendant reminds me of my mother", False),  # names its thing and speaker
        ("This pendant is old", True),  # whose?
        ("I like it", False),
        ("Item one", False),
    ],
)
def test_vague_subjects(text, is_vague):
    assert has_vague_subject(text) is is_vague


@pytest.mark.parametrize(
    ("text", "is_action"),
    [
        ("Just got back from Rome", True),
        ("Researching adoption agencies", True),
        ("Can't wait for summer", True),
        ("Used to hike a lot", True),
        # a list within the subject
        ("Trying tea, cocoa, and milk has been fun", False),
        ("Writing helps me relax", False),  # the -ing is the subject
        ("Going to keep on running", True),
        ("Frustrating and slow", False),  # what is so was said before
        ("Made me think", False),  # what did is in another sentence
        ("Something happened", False),
        ("Anna called", False),
    ],
)
def test_actions_without_a_subject(text, is_action):
    assert starts_with_action(text) is is_action
