from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.pipeline.local.facts import Voice, split_clauses, to_third_person

CASES = [
    # to be, have, do: the irregular verbs
    ("I'm allergic to peanuts", "User is allergic to peanuts"),
    ("I have two kids", "User has two kids"),
    ("I don't like coffee", "User does not like coffee"),
    ("i dont eat meat", "User does not eat meat"),
    ("I can't eat nuts", "User cannot eat nuts"),
    # 've, 'll, 'd keep their auxiliary; 'd is "had" before a participle
    ("I've been to Rome", "User has been to Rome"),
    ("I'll move in June", "User will move in June"),
    ("I'd love to go", "User would love to go"),
    ("I'd been there", "User had been there"),
    # regular verbs, behind adverbs too; endings -es and -ies
    ("I also really enjoy cooking", "User also really enjoys cooking"),
    ("I teach maths", "User teaches maths"),
    ("I study law", "User studies law"),
    ("I no longer work at Acme", "User no longer works at Acme"),
    # pasts stay; a tenseless verb follows the rest of the sentence
    ("I went home", "User went home"),
    ("I read a lot", "User reads a lot"),
    ("I read it in 2019", "User read it in 2019"),
    # verbs of the same subject, in pairs and in lists; infinitives stay
    ("I drink tea or have coffee", "User drinks tea or has coffee"),
    (
        "I meditate, do yoga, and teach classes",
        "User meditates, does yoga, and teaches classes",
    ),
    ("I want to run and eat well", "User wants to run and eat well"),
    # possessives: named at first, "their" afterwards, named again behind another name
    ("my sister Anna lives in Rome", "User's sister Anna lives in Rome"),
    ("I live with my brother", "User lives with their brother"),
    ("I told Anna about my job", "User told Anna about User's job"),
    ("a friend of mine came", "A friend of User's came"),
    ("It helps me and my family", "It helps User and their family"),
    # reflexives
    ("I taught myself piano", "User taught themselves piano"),
    # joint subjects are plural, the speaker first
    ("My wife and I went to Paris", "User and their wife went to Paris"),
    ("me and my team had a blast", "User and their team had a blast"),
    ("We are moving", "User and others are moving"),
    ("Our dog is called Max", "User's dog is called Max"),
    # left-out subjects
    ("Just got back from Rome", "User just got back from Rome"),
    ("Gonna continue my studies", "User is going to continue their studies"),
    ("Researching adoption agencies", "User is researching adoption agencies"),
    ("Can't wait for the summer", "User cannot wait for the summer"),
    ("Haven't finished it yet", "User has not finished it yet"),
    # what looks like a first person and is none
    ("I fought in World War I", "User fought in World War I"),
    ("I moved to the US", "User moved to the US"),
    ('I love "How I Met Your Mother"', 'User loves "How I Met Your Mother"'),
    # shouting
    ("I AM A VEGETARIAN NOW", "User is a vegetarian now"),
    # the listener
    ("I love when you sing", "User loves when the assistant sings"),
]


@pytest.mark.parametrize(("said", "fact"), CASES)
def test_it_rewrites(said, fact):
    assert to_third_person(said, Voice()) == fact


def test_it_names_speaker_and_listener():
    voice = Voice("Caroline", "Melanie")
    text = to_third_person("I'm glad you liked my painting", voice)
    assert text == "Caroline is glad Melanie liked Caroline's painting"


@pytest.mark.parametrize(
    ("said", "clauses"),
    [
        # two subjects, two facts
        ("I'm a nurse and I live in Rome", ["I'm a nurse", "I live in Rome"]),
        # the left-out subject is supplied
        ("I live in Rome and work at Acme", ["I live in Rome", "I work at Acme"]),
        # a reason stays with what it explains
        ("I left because it rained and I was cold", None),
        # "my sister and I" is one subject
        ("My sister and I live in Rome", None),
        # an infinitive goes on
        ("I want to live in Rome and work at Acme", None),
        (
            "I left Nokia in May and now I work at Vaisala",
            ["I left Nokia in May", "now I work at Vaisala"],
        ),
        ("I left Nokia and joined Kone", ["I left Nokia", "I joined Kone"]),
        (
            "I work at Nokia, but in August I'll move to Tampere",
            ["I work at Nokia", "in August I'll move to Tampere"],
        ),
        (
            "I used to live in Graz but moved to Vienna in 2020",
            ["I used to live in Graz", "I moved to Vienna in 2020"],
        ),
        # What follows is said of both verbs.
        ("I live and work in Oulu", ["I live in Oulu", "I work in Oulu"]),
        # One thing, and when it was over.
        (
            "I used to smoke but I stopped in 2022",
            ["I used to smoke but stopped in 2022"],
        ),
    ],
)
def test_it_splits_clauses_that_stand_alone(said, clauses):
    assert split_clauses(said) == (clauses or [said])


FIRST_PERSON = re.compile(r"\b(?:I|me|my|myself|we|us|our|ourselves)\b", re.IGNORECASE)
WORDS = st.sampled_from(
    [
        "I",
        "me",
        "my",
        "we",
        "us",
        "our",
        "you",
        "your",
        "am",
        "have",
        "don't",
        "can't",
        "and",
        "but",
        "or",
        "if",
        "when",
        "because",
        "to",
        "love",
        "went",
        "work",
        "live",
        "Anna",
        "sister",
        "dog",
        "the",
        "a",
        ",",
        ".",
        "!",
        "-",
        '"',
        "'",
        "reading",
        "myself",
        "so",
        "really",
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_no_first_person_survives(said):
    text = re.sub(r'"[^"]*"', "", to_third_person(said, Voice()))
    assert not FIRST_PERSON.search(text)


@given(st.text(max_size=200))
def test_it_never_raises(said):
    for clause in split_clauses(said):
        assert isinstance(to_third_person(clause, Voice()), str)
