from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.pipeline.local.extract import extract
from memories.pipeline.local.screening import NOT_SELF_CONTAINED
from memories.types import ChatMessage
from tests.memories.pipeline.local.conversation import options


def texts(*said: str, **changes) -> list[str]:
    messages = [ChatMessage("user", text) for text in said]
    return [fact.text for fact in extract(messages, options(**changes)).facts]


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        # "it" hangs on the sentence before
        ("I have a boat. It's called Luna.", ["User has a boat; it is called Luna"]),
        # "she" is the person before
        (
            "My sister Anna called. She lives in Rome.",
            ["User's sister Anna called", "User's sister Anna lives in Rome"],
        ),
        # "she" cannot be the brother: no new subject is invented
        ("My brother called. She is ill.", ["User's brother called; she is ill"]),
        # nothing to hang on
        ("She lives in Rome.", []),
        # another message is another context
    ],
)
def test_pronouns_are_explained_or_dropped(said, facts):
    assert texts(said) == facts


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        # what is tacked on is not said
        ("I'm allergic to peanuts, remember.", ["User is allergic to peanuts"]),
        ("I'm allergic to peanuts, remember?", ["User is allergic to peanuts"]),
        ("I live in Rome, as you know.", ["User lives in Rome"]),
        ("I live in Rome, as I told you.", ["User lives in Rome"]),
        ("I want to remember my dreams.", ["User wants to remember their dreams"]),
        # whence somebody is known ties them to the speaker
        ("Anna from work is vegan.", ["Anna from work is vegan"]),
        ("Tom from the gym has a son.", ["Tom from the gym has a son"]),
        ("Anna is vegan.", []),
        # "it was then that" is when
        ("It was March when I moved out.", ["User moved out in March 2023"]),
        ("It was 3 May 2022 that I moved out.", ["User moved out on 3 May 2022"]),
        ("It was Anna that I called.", []),
    ],
)
def test_what_is_stated_is_found_in_what_is_said(said, facts):
    assert texts(said) == facts


def test_a_pronoun_without_antecedent_has_its_reason():
    extraction = extract([ChatMessage("user", "She lives in Rome.")], options())
    assert extraction.dropped[0].reason == NOT_SELF_CONTAINED
    assert extraction.dropped[0].messages == (0,)


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("Ich wohne in Berlin. Wie geht es dir?", ["Ich wohne in Berlin"]),
        ("Vivo en Madrid con mi familia. ¿Qué tal?", ["Vivo en Madrid con mi familia"]),
        ("我住在里斯本。你好吗？", ["我住在里斯本"]),
        ("J'habite à Paris avec ma femme !", ["J'habite à Paris avec ma femme"]),
    ],
)
def test_other_languages_are_kept_as_they_stand(said, facts):
    assert texts(said) == facts


def test_the_message_time_goes_before_the_reference():
    sent_at = datetime(2020, 1, 2, tzinfo=UTC)
    messages = [ChatMessage("user", "I ran yesterday", sent_at=sent_at)]
    (fact,) = extract(messages, options()).facts
    assert fact.text == "User ran on 1 January 2020"
    assert fact.valid.start == datetime(2020, 1, 1, tzinfo=UTC)


# --- who is listened to ---------------------------------------------------------------


def speakers(*messages: ChatMessage, **changes) -> list[tuple[str, str]]:
    facts = extract(messages, options(**changes)).facts
    return [(fact.text, fact.attributed_to) for fact in facts]


def test_the_assistant_is_not_listened_to():
    messages = [
        ChatMessage("user", "I live in Rome"),
        ChatMessage("assistant", "I live in a computer"),
    ]
    assert speakers(*messages) == [("User lives in Rome", "user")]


def test_people_among_themselves_are_all_listened_to():
    messages = [
        ChatMessage("user", "I live in Rome", name="Caroline"),
        ChatMessage("assistant", "My dog Rex is ill", name="Melanie"),
    ]
    assert speakers(*messages) == [
        ("Caroline lives in Rome", "user"),
        ("Melanie's dog Rex is ill", "user"),
    ]


@pytest.mark.parametrize("name", ["helper_bot", "Support Agent", "GPT", "user_7"])
def test_a_named_machine_is_no_person(name):
    messages = [
        ChatMessage("user", "I live in Rome", name="Caroline"),
        ChatMessage("assistant", "I live in a computer", name=name),
    ]
    assert speakers(*messages) == [("Caroline lives in Rome", "user")]


def test_names_may_stand_before_the_text():
    messages = [
        ChatMessage("user", "Caroline: I live in Rome"),
        ChatMessage("user", "Melanie: I have a dog"),
    ]
    assert speakers(*messages) == [
        ("Caroline lives in Rome", "user"),
        ("Melanie has a dog", "user"),
    ]


@pytest.mark.parametrize("lead_in", ["Update", "News", "Quick update", "FYI"])
def test_a_colon_is_no_name(lead_in):
    assert speakers(ChatMessage("user", f"{lead_in}: I live in Rome")) == [
        ("User lives in Rome", "user")
    ]
