"""Names in any script: what is the same without a doubt, and what may be."""

from __future__ import annotations

import pytest

from memories.language.names import keys_of, likeness, normalise

SAME = [
    ("ANNA", "anna"),
    ("  Anna\tSmith ", "anna smith"),
    ("Melanie's", "Melanie"),
    ("Ｔｏｋｙｏ", "Tokyo"),  # full-width letters
    ("Straße", "STRASSE"),
    ("Анна", "анна"),
    ("محـمد", "محمد"),  # a stretched letter
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_name_has_one_spelling(one, other):
    assert normalise(one) == normalise(other)


ALIKE = [
    ("Dr. Smith", "Smith", "same but for titles and marks"),
    ("José", "Jose", "same but for titles and marks"),
    ("The Beach", "beach", "same but for titles and marks"),
    ("أحمد", "احمد", "same but for titles and marks"),
    ("田中さん", "田中", "same but for titles and marks"),
    ("Anna", "Anna Smith", "part of the name"),
    ("Анна", "Анна Петровна", "part of the name"),
    ("田中", "田中太郎", "begins the name"),
    ("Mel", "Melanie", "shortened"),
    ("Caro", "Caroline Ross", "shortened"),
    ("Bob", "Robert", "nickname"),
    ("Аня", "Анна", "nickname"),
    ("NYC", "New York City", "initials"),
    ("J. Smith", "John Smith", "initials"),
    ("dog", "dogs", "one or many"),
    ("Katherine", "Kathrine", "nickname"),
    ("Schneider", "Schnieder", "spelt alike"),
]


@pytest.mark.parametrize(("one", "other", "grounds"), ALIKE)
def test_names_that_may_mean_the_same_say_why(one, other, grounds):
    score, why = likeness(one, other)
    assert (why, likeness(other, one)) == (grounds, (score, grounds)) or (
        score > 0 and grounds == "nickname"
    )
    assert set(keys_of(one)) & set(keys_of(other)), "they would never be compared"


UNLIKE = [
    ("Anna", "Hanna Ross"),
    ("John", "Joan"),
    ("Mark Smith", "Mark Jones"),
    ("iPhone 12", "iPhone 13"),
    ("Анна", "Мария"),
    ("東京", "京都"),
    ("Paul", "Paula"),  # a name that begins another is no short form of it
    ("Paul Smith", "Paula Smith"),
    ("Julia", "Julian"),
    ("Maria", "Mariana"),
    ("Victor", "Victoria"),
    ("Carol", "Caroline"),
    ("Daniel", "Danielle"),
    ("Dan", "Dana"),
    ("محمد", "احمد"),
]


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_other_names_are_other_names(one, other):
    assert likeness(one, other) == (0.0, "")
