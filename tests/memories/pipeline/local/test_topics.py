"""The labelled table behind the category threshold."""

from __future__ import annotations

from memories.models.settings import DEFAULT_CATEGORIES
from memories.pipeline.local.topics import assign_categories, split_topics, topic_text
from tests.memories.pipeline.local.conversation import EMBEDDER, Conversation
from tests.memories.pipeline.local.verbatim_facts import LABELLED as AS_WRITTEN

CATEGORIES = {
    "personal_details": "name, age, birthday, nationality, contact details",
    "family": "relatives, partner, children and pets",
    "professional_details": "job, employer, colleagues, career",
    "sports": "sports and exercise",
    "travel": "trips, places visited, plans to travel",
    "food": "food, drink, diet and restaurants",
    "music": "music, bands, instruments",
    "health": "illness, allergies, medication, mental and physical health",
    "technology": "devices, software, programming",
    "hobbies": "hobbies and leisure activities",
    "fashion": "clothes and style",
    "entertainment": "films, series, books, games",
    "milestones": "important life events",
    "user_preferences": "how they like things done",
    "finance": "money, banking, investments",
}
# fact, the categories a person would give it
LABELLED = [
    ("User is allergic to peanuts", "health food"),
    ("User lives in Lisbon", "personal_details travel"),
    ("User works as a software engineer at Google", "professional_details technology"),
    ("User has two kids, Tom and Lily", "family"),
    ("User loves pizza", "food"),
    ("User plays the guitar in a band", "music hobbies"),
    ("User runs ten kilometres every morning", "sports health"),
    ("User visited Japan in 2019", "travel"),
    ("User's favorite film is Alien", "entertainment"),
    ("User takes medication for asthma", "health"),
    ("User prefers dark mode in editors", "user_preferences technology"),
    ("User's birthday is on 5 May", "personal_details milestones"),
    ("User got married in June 2023", "milestones family"),
    ("User bought new sneakers", "fashion sports"),
    ("User invests in index funds", "finance"),
    ("User enjoys painting landscapes", "hobbies"),
    ("User's dog is called Rex", "family"),
    ("User is a vegetarian", "food health"),
    ("User got promoted to manager", "professional_details milestones"),
    ("User watches football every Sunday", "sports entertainment"),
    ("User's phone number is 555-1234", "personal_details"),
    ("User reads science fiction novels", "entertainment hobbies"),
    ("User has a mortgage with ING", "finance"),
    ("User's mother is ill", "health family"),
    ("User flew to Rome last week", "travel"),
]


def assign(*facts: str) -> list[tuple[str, ...]]:
    vectors = EMBEDDER.embed([topic_text(fact, None) for fact in facts])
    return assign_categories(vectors, CATEGORIES, EMBEDDER)


class Counting:
    """An embedder that knows how many texts it was given."""

    space, max_tokens = EMBEDDER.space, EMBEDDER.max_tokens

    def __init__(self):
        self.texts = 0

    def embed(self, texts):
        self.texts += len(texts)
        return EMBEDDER.embed(texts)


def test_a_category_is_embedded_once():
    embedder = Counting()
    vectors = EMBEDDER.embed(["allergic to peanuts"])
    categories = {"allergies": "what must not be eaten", "boats": "on the water"}
    first = assign_categories(vectors, categories, embedder)
    embedded = embedder.texts
    assert 0 < embedded <= 6  # each: all of it, its name, its one term
    assert assign_categories(vectors, categories, embedder) == first == [("allergies",)]
    assert embedder.texts == embedded


def test_nearly_all_facts_get_only_right_categories():
    assigned = assign(*(fact for fact, _ in LABELLED))
    right = [
        bool(names) and set(names) <= set(label.split())
        for names, (_, label) in zip(assigned, LABELLED, strict=True)
    ]
    assert sum(right) >= 23, [
        row for row, ok in zip(LABELLED, right, strict=True) if not ok
    ]


def test_a_fact_without_a_likeness_has_no_category():
    assert assign("User's glorp is 7 wugs") == [()]


def test_of_sentences_as_people_write_them_most_get_a_right_category():
    """The figures of ``topics.CATEGORY_THRESHOLD``; a list that it was not made for."""
    vectors = EMBEDDER.embed([topic_text(text, None) for text, _ in AS_WRITTEN])
    assigned = assign_categories(vectors, DEFAULT_CATEGORIES, EMBEDDER)
    first = [
        names[0] in label.split()
        for names, (_, label) in zip(assigned, AS_WRITTEN, strict=True)
        if names
    ]
    assert (len(AS_WRITTEN), len(first), sum(first)) == (58, 55, 50)


def test_the_engine_writes_categories_on_facts():
    (decision,) = Conversation().say("I love pizza", categories=CATEGORIES).decisions
    assert decision.fact.categories == ("food",)


def test_topics_are_named_without_their_verbs():
    text = "Please do not store health information, or anything about politics."
    assert split_topics(text) == ["health information", "politics"]
