"""The labelled table behind the thresholds of ``judge``."""

from __future__ import annotations

import pytest

from memories.pipeline.local.judge import Standing, compare
from tests.memories.pipeline.local.conversation import EMBEDDER

# new, known: one meaning in other words, the second adds nothing
SAME = [
    ("User has a peanut allergy", "User is allergic to peanuts"),
    ("User enjoys hiking", "User likes to hike"),
    ("User is a mathematics teacher", "User is a math teacher"),
    ("User resides in Lisbon", "User lives in Lisbon"),
    ("User is based in Berlin", "User moved to Berlin"),
    ("User runs every morning", "User goes running every morning"),
    ("User goes for a run each morning", "User runs every morning"),
    ("User has two children", "User has two kids"),
    ("User owns a dog named Rex", "User has a dog called Rex"),
    ("User's dog is named Rex", "User has a dog named Rex"),
    ("User plays the guitar", "User can play guitar"),
    ("User is learning Spanish", "User is studying Spanish"),
    ("User's favourite food is pizza", "Pizza is User's favorite food"),
    ("User loves pizza", "User really likes pizza"),
    ("User is employed at Acme", "User works at Acme"),
    ("User cannot stand coffee", "User hates coffee"),
    ("User got married in June 2023", "User married in June 2023"),
    ("User is scared of spiders", "User is afraid of spiders"),
    ("User wants to become a doctor", "User hopes to become a doctor"),
    ("User adores jazz music", "User loves jazz"),
]

# one meaning that the rules do not see; it fails towards keeping both
UNDETECTED = [
    ("User's job is teaching math", "User works as a math teacher"),
    ("User's home is in Lisbon", "User lives in Lisbon"),
    ("User is the mother of two kids", "User has two kids"),
    ("User is a vegetarian", "User does not eat meat"),
    ("User practices guitar", "User plays the guitar"),
]

# alike to an embedder, and yet another fact
APART = [
    ("User is allergic to shellfish", "User is allergic to peanuts"),
    ("User likes tea", "User likes coffee"),
    ("User has two dogs", "User has two cats"),
    ("User's sister lives in Rome", "User lives in Rome"),
    ("User's brother is a nurse", "User's sister is a nurse"),
    ("Anna lives in Rome", "User lives in Lisbon"),
    ("User went hiking on 5 May 2023", "User went hiking on 12 May 2023"),
    ("User plays guitar", "User plays piano"),
    ("User is learning Spanish", "User is learning French"),
    ("User loves hiking", "User loves biking"),
    ("User wants to buy a car", "User bought a car"),
    ("User works out in the evening", "User works out in the morning"),
    ("User met Anna in Paris", "User met Tom in Paris"),
    ("User ran a marathon in 2020", "User ran a marathon in 2022"),
    ("User reads science fiction", "User writes science fiction"),
    ("User has a meeting with the dentist", "User has a meeting with the lawyer"),
    ("User's mother is ill", "User's father is ill"),
    ("User visited Japan", "User visited China"),
    ("User drinks coffee in the morning", "User drinks tea in the morning"),
    ("User sold the house", "User bought the house"),
    ("User started a diet", "User started a new book"),
    ("User painted a sunset", "User painted a sunrise"),
    ("User is teaching yoga", "User is taking yoga classes"),
    ("User lost a job", "User found a job"),
    # Who is married was dating before, and others are others.
    ("User started dating Ben in 2018", "User is married to Ben"),
    ("User and Tom broke up", "User is dating Ben"),
    ("User is dating Ben", "User is dating Tom"),
    # A month apart; a plan beside what is so, or was.
    ("User adopted a cat in May 2023", "User adopted a cat in April 2023"),
    ("User plans to visit Rome", "User visited Rome in 2020"),
    ("User loves hiking in Norway", "User plans to hike in Norway"),
    ("User's sister visited Rome", "User plans to visit Rome"),
    ("User bought a book about Japan", "User wants to go to Japan"),
    # Once is no habit.
    ("User stopped swimming", "User swam in the lake on 3 May 2023"),
    ("User's son stopped swimming", "User swims every Sunday"),
    ("User's left knee hurts", "User's right knee hurts"),
]

# What is told beside a word for when or how, and what stands beside another.
APART += [
    ("Jonas lives in Turku too", "User lives in Turku"),
    ("Anna works at Nokia", "User works at Nokia"),
    ("User also works at Kone on weekends", "User works at Nokia"),
    ("User also lives in Oulu part of the year", "User lives in Turku"),
    ("User left Nokia for lunch", "User works at Nokia"),
    ("User never quit their job at Nokia", "User resigned from Vaisala"),
    ("User's girlfriend Aino plays chess", "User's girlfriend Aino is a chemist"),
    ("User's brother Jonas died in May 2025", "User's brother Max lives in Rome"),
    ("The trip to Oslo is off", "User plans to go to Rome in July 2025"),
    ("Anna's trip to Rome is cancelled", "User plans to go to Rome in July 2025"),
    # It happened to what was so.
    ("User washed their car in May 2025", "User has a car"),
]

# the same and more
RICHER = [
    (
        "User is severely allergic to peanuts and carries an EpiPen",
        "User is allergic to peanuts",
    ),
    ("User lives in Lisbon, Portugal", "User lives in Lisbon"),
    ("User loves hiking in the mountains", "User loves hiking"),
    ("User has a dog named Rex", "User has a dog"),
    ("User has a brown dog named Rex", "User has a dog named Rex"),
    ("User is learning Spanish with Duolingo", "User is learning Spanish"),
    ("User plays guitar in a band called Nova", "User plays guitar"),
]

# both cannot hold at once
AGAINST = [
    ("User moved to Berlin", "User lives in Lisbon"),
    ("User works at Globex", "User works at Acme"),
    ("User is not vegetarian", "User is vegetarian"),
    ("User no longer works at Acme", "User works at Acme"),
    ("User hates coffee", "User likes coffee"),
    ("User's favorite color is green", "User's favourite color is blue"),
    ("User turned 35 on 8 May 2023", "User is 34 years old"),
    ("User got divorced in 2023", "User is married"),
    ("User's dog's name is Max", "User's dog is called Rex"),
    ("User does not play guitar", "User plays guitar"),
    ("User stopped smoking", "User smokes"),
    ("User quit drinking coffee", "User drinks coffee"),
    ("User became a manager", "User works as an engineer"),
    ("User's phone number is 555-9999", "User's phone number is 555-1234"),
    ("User has three kids", "User has two kids"),
    ("User cannot swim", "User can swim"),
    ("User eats meat again", "User is vegetarian"),
    ("User does not like hiking", "User enjoys hiking in the mountains"),
    ("User is not learning Spanish anymore", "User is learning Spanish"),
    # Given up, wherever and whenever it was done.
    ("User stopped swimming", "User swims every Sunday morning at the lake"),
    ("User quit playing tennis", "User plays tennis at the club on Mondays"),
    # Two people, and what they are to each other.
    ("User and Tom broke up on 2 June 2025", "User is dating Tom"),
    ("User is no longer seeing Tom", "User is dating Tom"),
    ("User and Ben got engaged on 25 December 2025", "User is dating Ben"),
    ("User married Ben in 2024", "User and Ben got engaged"),
    ("User divorced Ben", "User is married to Ben"),
    # Plans that came about, whole or in part, and that are off.
    (
        "User visited their sister Anna in Rome on 8 May 2023",
        "User plans to visit their sister Anna in Rome in the week of 8 May 2023",
    ),
    ("User ran the Rome marathon", "User wants to run the Rome marathon in May 2023"),
    ("User bought a red car last week", "User is going to buy a car in June 2023 "),
    ("User moved to Berlin on 3 May 2023", "User will move to Berlin in May 2023"),
    (
        "User is not going on the trip to Madrid",
        "User is planning a trip to Madrid in April 2025",
    ),
    ("User cancelled the trip to Madrid", "User booked a trip to Madrid in April 2025"),
]


AGAINST += [
    ("Now User works at Vaisala", "User works at Nokia"),
    ("On 9 June 2025 User moved to Oulu", "User lives in Turku"),
    ("User joined Wise on 1 February 2023", "User works at Bolt"),
    # Plans that came about in other words, and that are off.
    ("User started at Kone in July 2025", "User is starting at Kone in July 2025"),
    (
        "User moved to Oulu in the week of 16 June 2025",
        "User is moving to Oulu in the week of 16 June 2025",
    ),
    ("User married Aino on 21 June 2025", "User plans to marry Aino in June 2025"),
    ("User's trip to Rome is cancelled", "User plans to go to Rome in July 2025"),
    ("The Rome trip is postponed", "User plans to travel to Rome in July 2025"),
    ("The move to Lisbon is off", "User is planning to move to Lisbon in August 2025"),
    (
        "User is no longer planning to move to Lisbon",
        "User plans to move to Lisbon in August 2025",
    ),
    # Ends in plain words.
    ("User quit their job at Nokia on 9 June 2025", "User works at Nokia"),
    ("User resigned from Nokia in May 2025", "User works at Nokia"),
    ("User got laid off from Nokia in May 2025", "User joined Nokia in 2020"),
    ("Nokia fired User on 9 June 2025", "User works at Nokia"),
    ("Nokia laid User off", "User works at Nokia"),
    ("User left Nokia in May 2025", "User works at Nokia"),
    ("User moved out of Turku in May 2025", "User lives in Turku"),
    ("User sold their car in May 2025", "User has a car"),
    ("User and Aino split up in May 2025", "User's girlfriend Aino is a chemist"),
    ("Aino broke up with User", "User's girlfriend Aino is a chemist"),
    ("User is no longer with Aino", "User is dating Aino"),
    ("User divorced Pekka in May 2025", "User's husband Pekka is a chemist"),
    ("User's ex-girlfriend Aino is a chemist", "User's girlfriend Aino is a chemist"),
    ("Aili died in May 2025", "User's grandmother Aili lives in Turku"),
    ("User's dog Musti died on 2 June 2025", "User has a dog named Musti"),
]


def cosine(one: str, other: str) -> float:
    first, second = EMBEDDER.embed([one, other])
    return float(first @ second)


def judge(new: str, old: str) -> Standing:
    return compare(new, old, cosine(new, old), cosine)


@pytest.mark.parametrize(("new", "old"), SAME)
def test_one_meaning_is_one_memory(new, old):
    assert judge(new, old) in (Standing.SAME, Standing.RICHER, Standing.POORER)


@pytest.mark.parametrize(("new", "old"), [*APART, *UNDETECTED])
def test_other_facts_stay_apart(new, old):
    assert judge(new, old) is Standing.APART


@pytest.mark.parametrize(("new", "old"), RICHER)
def test_more_is_richer(new, old):
    assert judge(new, old) is Standing.RICHER
    assert judge(old, new) in (Standing.POORER, Standing.SAME)


@pytest.mark.parametrize(("new", "old"), AGAINST)
def test_contradictions_are_seen(new, old):
    assert judge(new, old) is Standing.AGAINST


@pytest.mark.parametrize(("new", "old"), [*SAME, *RICHER])
def test_a_text_says_the_same_as_itself(new, old):
    assert judge(new, new) is Standing.SAME
    assert judge(old, old) is Standing.SAME


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("User moved to Łódź", "User lives in Lisbon"),
        ("User works at ČEZ", "User works at Żabka"),
        ("Émile lives in Évry", "Émile lives in Île-Rousse"),
        ("User's sister is called Åsa", "User's sister is called Øyvor"),
    ],
)
def test_names_beyond_ascii_contradict_as_others_do(new, old):
    assert compare(new, old, 0.6, lambda one, other: 0.0) is Standing.AGAINST


def test_nobody_is_born_twice():
    new, old = "User was born in Kemi in 1985", "User was born in Kemi in 1984"
    assert judge(new, old) is Standing.CORRECTS
