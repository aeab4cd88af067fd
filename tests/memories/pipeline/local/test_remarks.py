"""What only stands with its occasion: a question, the other person, a picture."""

from __future__ import annotations

import pytest

from memories.pipeline.local.extract import extract
from memories.pipeline.local.remarks import read_question
from memories.pipeline.local.screening import NOT_SELF_CONTAINED
from memories.types import ChatMessage
from tests.memories.pipeline.local.conversation import options


def among_people(*said: str) -> list[str]:
    """Facts of the last message, which Bob says; Alice and he take turns."""
    speakers = ("Alice", "Bob") if len(said) % 2 == 0 else ("Bob", "Alice")
    messages = [
        ChatMessage("user", text, name=speakers[n % 2]) for n, text in enumerate(said)
    ]
    facts = extract([ChatMessage("user", "Hi!", name="Alice"), *messages], options())
    return [fact.text for fact in facts.facts if fact.messages == (len(said),)]


def with_assistant(*said: str) -> list[str]:
    """Facts of a user, who says every second text, the last among them."""
    roles = ("assistant", "user") if len(said) % 2 == 0 else ("user", "assistant")
    messages = [ChatMessage(roles[n % 2], text) for n, text in enumerate(said)]
    return [fact.text for fact in extract(messages, options()).facts]


# --- answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said", "fact"),
    [
        # no verb, and dates are resolved all the same
        (
            "Wow! How long have you had the boat?",
            "Since last month!",
            'Asked "How long have you had the boat?", User said since April 2023',
        ),
        # a pronoun whose noun is in the question
        (
            "What does your parrot eat?",
            "It eats seeds and apples. She is called Coco.",
            'Asked "What does your parrot eat?", User said it eats seeds and apples;'
            " she is called Coco",
        ),
        # what speaks of the speaker needs no question
        ("Where do you live?", "I live in Rome.", "User lives in Rome"),
        # the last question of several is answered
        (
            "How are you? Who fixed the roof?",
            "The neighbours with a ladder",
            'Asked "Who fixed the roof?", User said the neighbours with a ladder',
        ),
    ],
)
def test_an_answer_is_told_with_its_question(asked, said, fact):
    assert with_assistant(asked, said) == [fact]


@pytest.mark.parametrize(
    "asked",
    [
        "Tell me more.",  # nothing is asked
        "What's up?",  # nothing in particular
        "Did you know that parrots of some kinds live for more than sixty years?",
    ],
)
def test_without_a_telling_question_a_pronoun_stays_unexplained(asked):
    messages = [ChatMessage("assistant", asked), ChatMessage("user", "It eats seeds.")]
    extraction = extract(messages, options())
    assert extraction.facts == ()
    assert extraction.dropped[-1].reason == NOT_SELF_CONTAINED


def test_only_the_first_thing_said_is_the_answer():
    said = ("Where is the boat?", "I sold it. It was red. Who knows? It leaked.")
    assert with_assistant(*said) == ["User sold it; it was red"]


def test_nobody_answers_their_own_question():
    messages = [
        ChatMessage("user", "What does a parrot eat?"),
        ChatMessage("user", "It eats seeds."),
    ]
    assert extract(messages, options()).facts == ()


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Hey Bob, what did you paint?", "What did you paint?"),
        ("Lovely.", None),
        ("Anything new?", None),
        ('Did you read "Emma"?', "Did you read 'Emma'?"),
    ],
)
def test_a_question_is_cut_to_what_is_asked(said, question):
    assert read_question(said, {"Bob"}) == question


# --- remarks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        # about the world
        (
            "Glaciers carved this valley ages ago.",
            "Bob said Glaciers carved this valley ages ago",
        ),
        # about the other
        (
            "Your pottery stall sold out before noon!",
            "Bob said Alice's pottery stall sold out before noon",
        ),
        # advice, and a proposal
        (
            "Feed the parrot seeds and wash its cage weekly.",
            "Bob said to feed the parrot seeds and wash its cage weekly",
        ),
        (
            "Let's visit the harbour museum on Sunday.",
            "Bob suggested they visit the harbour museum on Sunday",
        ),
    ],
)
def test_a_person_is_known_by_what_they_say(said, fact):
    assert among_people("I had a long day.", said) == [fact]


@pytest.mark.parametrize(
    "said",
    [
        "That's so great, you must feel amazing!",
        "Hope the exhibition at the harbour museum goes well!",
        "Keep working hard on your pottery and your dreams!",
        "Family is everything.",
    ],
)
def test_praise_and_good_wishes_are_no_remarks(said):
    assert among_people("I had a long day.", said) == []


def test_a_remark_is_kept_where_nothing_better_is_said():
    said = "Your pottery stall sold out before noon! I bought a vase."
    assert among_people("Hello.", said) == ["Bob bought a vase"]


def test_what_tells_of_the_fact_before_is_added_to_it():
    said = "I painted the harbour. The red boats stand for long summer evenings."
    assert among_people("Hello.", said) == [
        "Bob painted the harbour; the red boats stand for long summer evenings"
    ]


def test_an_assistant_is_told_no_remarks():
    said = "Glaciers carved this valley ages ago. Feed the parrot seeds and apples."
    assert with_assistant(said) == []


def test_every_sentence_has_one_outcome():
    said = "Nice! Your pottery stall sold out before noon!"
    messages = [
        ChatMessage("user", "Hello.", name="Alice"),
        ChatMessage("user", said, name="Bob"),
    ]
    extraction = extract(messages, options())
    assert [fact.messages for fact in extraction.facts] == [(1,)]
    assert [d.text for d in extraction.dropped if d.messages == (1,)] == ["Nice!"]


# --- pictures -------------------------------------------------------------------------


def test_a_picture_is_something_shared():
    said = "Here's a snap I took in Rome! [photo: a photo of a red van]"
    assert among_people("Hello.", said) == [
        "Bob shared a snap Bob took in Rome",
        "Bob shared a photo of a red van",
    ]


def test_a_message_may_be_nothing_but_a_picture():
    messages = [ChatMessage("user", "[photo: two dogs]")]
    (fact,) = extract(messages, options()).facts
    assert (fact.text, fact.messages) == ("User shared a photo of two dogs", (0,))


def test_an_assistant_is_shown_things_to_work_on_them():
    assert with_assistant("Here's my current code, check out the second loop") == []
