from __future__ import annotations

import pytest

from memories.pipeline.local.screening import (
    ABOUT_LISTENER,
    NOTHING_STATED,
    QUESTION,
    REACTION,
    REQUEST,
    SMALL_TALK,
    screen,
)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("What time is it?", QUESTION),
        ("Do you like tea", QUESTION),  # inverted, without a sign
        ("Hey Mel!", SMALL_TALK),  # a short form of the listener's name
        ("Thanks so much!", SMALL_TALK),
        ("Talk to you soon!", SMALL_TALK),
        ("Write me a poem about cats", REQUEST),
        ("Can you book a table", QUESTION),
        ("Please translate this", REQUEST),
        ("I'd like you to summarise this text", REQUEST),
        ("Do your homework on lawyers", REQUEST),  # no question
        ("Definitely try the sushi", REQUEST),
        ("You're doing great", ABOUT_LISTENER),
        ("Your kids are lovely", ABOUT_LISTENER),
        ("I'm so happy for you", REACTION),
        ("That's really cool, Melanie!", REACTION),
        ("I'll let you know", REACTION),
        ("Totally!", SMALL_TALK),
        ("Taking care of ourselves is vital", NOTHING_STATED),  # nobody acts
        ("The colors blend nicely", NOTHING_STATED),
    ],
)
def test_it_drops(sentence, reason):
    assert screen(sentence, {"Melanie"}).drop_reason == reason


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("Yeah, I moved to Rome!", "I moved to Rome"),
        ("Thanks, Melanie! I'm a nurse", "I'm a nurse"),
        ("Please remember that my dog is called Rex.", "my dog is called Rex"),
        (
            "By the way, I told you that I quit smoking",
            "I quit smoking",
        ),
        ("Well, um, I like tea, haha 😀", "I like tea"),
        ("Thanks for the tip, I bought it", "I bought it"),
        ("I'm going, you know", "I'm going"),
        ("Never been to Rome", "Never been to Rome"),  # not "never be ..."
        # a judgement with a reason of the speaker's own
        (
            "They were an important part of my wedding",
            "They were an important part of my wedding",
        ),
        # the listener is only mentioned
        ("Been reading the book you lent", "Been reading the book you lent"),
        ("I was right", "I was right"),  # no trailing tag: it has no comma
    ],
)
def test_it_keeps_what_is_stated(sentence, kept):
    screened = screen(sentence, {"Melanie"})
    assert (screened.text, screened.drop_reason) == (kept, None)
