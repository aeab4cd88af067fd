"""Word diffs: read as a person would mark them, and nothing of either text is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.diff import MOST_COMPARED, diff_values, diff_words

WORDS = st.sampled_from(
    [
        "tea",
        " ",
        "  ",
        "\n",
        "Ann's",
        ",",
        "10,000",
        "住",
        "在",
        "柏林",
        "ร์",
        "👩‍👧",
        "é",
        "-",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=20).map("".join))

# old, new → the new text with [-what went-] and [+what came+]
DIFFS = [
    (
        "Ann lives in Lisbon.",
        "Ann lives in Berlin.",
        "Ann lives in [-Lisbon-][+Berlin+].",
    ),
    # neighbouring words are one change, with the space between them
    ("two cats at home", "one dog at home", "[-two cats-][+one dog+] at home"),
    ("tea", "tea", "tea"),
    ("", "tea", "[+tea+]"),
    ("tea", "", "[-tea-]"),
    ("", "", ""),
    # a number, a date, an address and a contraction are one word each
    ("walks 10,000 steps", "walks 10,500 steps", "walks [-10,000-][+10,500+] steps"),
    ("on 2026-05-01", "on 2026-05-02", "on [-2026-05-01-][+2026-05-02+]"),
    ("she doesn't", "she didn't", "she [-doesn't-][+didn't+]"),
    # punctuation is not part of the word before it
    ("likes tea.", "likes tea!", "likes tea[-.-][+!+]"),
    # no spaces between words: by character, whose marks stay with it
    ("我住在里斯本。", "我住在柏林。", "我住在[-里斯本-][+柏林+]。"),
    ("東京に住んでいる", "大阪に住んでいる", "[-東京-][+大阪+]に住んでいる"),
    # Hangul and Devanagari put spaces between words
    ("हिन्दी भाषा", "हिन्दी बोली", "हिन्दी [-भाषा-][+बोली+]"),
    (
        "안나는 차를 좋아한다",
        "안나는 커피를 좋아한다",
        "안나는 [-차를-][+커피를+] 좋아한다",
    ),
    # next to nothing in common: the one for the other, not shreds of both
    (
        "a cat sat on it",
        "my own dog a runs",
        "[-a cat sat on it-][+my own dog a runs+]",
    ),
]
MARKS = {"equal": "{}", "removed": "[-{}-]", "added": "[+{}+]"}


def marked(old: str, new: str) -> str:
    return "".join(MARKS[s.kind].format(s.text) for s in diff_words(old, new))


@pytest.mark.parametrize(("old", "new", "expected"), DIFFS)
def test_it_marks_what_a_person_would_mark(old, new, expected):
    assert marked(old, new) == expected


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_a_diff(old, new):
    segments = diff_words(old, new)
    assert "".join(s.text for s in segments if s.kind != "added") == old
    assert "".join(s.text for s in segments if s.kind != "removed") == new


@given(TEXTS, TEXTS)
def test_segments_are_as_few_as_can_be(old, new):
    kinds = [segment.kind for segment in diff_words(old, new)]
    assert all(segment.text for segment in diff_words(old, new))
    assert all(a != b for a, b in pairwise(kinds))


@given(TEXTS)
def test_a_text_differs_in_nothing_from_itself(text):
    assert {segment.kind for segment in diff_words(text, text)} <= {"equal"}


def test_long_texts_without_much_in_common_are_not_compared_word_by_word():
    words = int(MOST_COMPARED**0.5) + 1
    old = " ".join(f"a{n} b" for n in range(words))
    new = " ".join(f"c{n} b" for n in range(words))
    went, came, rest = diff_words(f"{old} end", f"{new} end")
    assert (went.kind, came.kind, rest.kind) == ("removed", "added", "equal")
    assert rest.text.endswith("end")


# values before, after → what differs
VALUES = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": 1, "b": 2}, {"b": 3, "c": 4}, [("a", 1, None), ("b", 2, 3), ("c", None, 4)]),
    (None, {"a": 1}, [("a", None, 1)]),
    ({"a": None}, {}, [("a", None, None)]),
    # as JSON: true is not 1, 1 is 1.0
    ({"a": True}, {"a": 1}, [("a", True, 1)]),
    ({"a": 1}, {"a": 1.0}, []),
    ({"a": {"b": [1]}}, {"a": {"b": [True]}}, [("a", {"b": [1]}, {"b": [True]})]),
]


@pytest.mark.parametrize(("old", "new", "expected"), VALUES)
def test_values_differ_as_json_does(old, new, expected):
    assert [(c.name, c.old, c.new) for c in diff_values(old, new)] == expected
